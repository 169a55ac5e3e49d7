"""`gridsvc bench` from outside: a failure is a row, and `--json` is one value on stdout."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]

BENCHMARKS = {
    "chatty": """
import ctypes, os

def rows():
    print("a library's own line")
    ctypes.CDLL(None).puts(b"a line that C keeps in its buffer")
    os.system("echo a line of a child")
    return [{"name": "good", "value": 1.5, "unit": "s", "target": None, "met": None}]
""",
    "halting": """

def rows():
    yield {"name": "first", "value": 2.0, "unit": "s", "target": None, "met": None}
    raise RuntimeError("flushes cannot be slowed here")
""",
    "missing": """
import no_such_peer

def rows():
    return []
""",
}


def bench(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a copy of the package's place with benchmarks of ours beside it."""
    (folder / "gridsvc").symlink_to(PROJECT / "gridsvc")
    (folder / "tests" / "benchmarks").mkdir(parents=True)
    for package in ("tests", "tests/benchmarks"):
        (folder / package / "__init__.py").touch()
    for name, text in BENCHMARKS.items():
        (folder / "tests" / "benchmarks" / f"{name}.py").write_text(text, encoding="utf-8")
    code = f"""
import pathlib, sys
from gridsvc.cli import bench
bench.PROJECT = pathlib.Path({str(folder)!r})
bench.bench(sys.argv[1:])
"""
    return subprocess.run([sys.executable, "-c", code, *words], cwd=folder, capture_output=True, text=True, check=False)


def test_each_failure_is_a_row_that_says_why_and_json_is_one_value(tmp_path: Path) -> None:
    done = bench(tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [row["name"] for row in rows] == ["good", "first", "halting: failed", "missing: failed"]
    assert rows[2]["failed"] == "RuntimeError: flushes cannot be slowed here"
    assert "no_such_peer" in rows[3]["failed"]
    for chatter in ("a library's own line", "that C keeps", "of a child"):
        assert chatter in done.stderr


def test_a_person_reads_why_in_the_table(tmp_path: Path) -> None:
    done = bench(tmp_path, "halting")
    assert done.returncode == 0, done.stderr
    assert "flushes cannot be slowed here" in done.stdout
    assert "first" in done.stdout
