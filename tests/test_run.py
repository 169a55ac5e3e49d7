"""`./run` from outside: its words, the Python that it picks, what it says when there is none, and the lock files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
LOCKS = ["requirements.lock", "requirements-test.lock", "requirements-bench.lock", "requirements-node.lock"]

# A python3 that answers as `kind` says, and fails when it is to make a virtual environment.
STUB = """#!/bin/sh
case "$*" in
*ensurepip*) exit {answer} ;;
*sys.executable*) echo "$0" ;;
*gridsvc.db.cluster.postgis*) echo /nowhere ;;
*) echo "stub: $*"; exit 1 ;;
esac
"""


def run(*words: str, folder: Path = PROJECT, path: str = "/usr/bin:/bin") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [folder / "run", *words], env={"PATH": path, "HOME": "/nonexistent"}, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the script and nothing that is set up."""
    (tmp_path / "run").write_text((PROJECT / "run").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "run").chmod(0o755)
    return tmp_path


def python(folder: Path, name: str, answer: int, mode: int = 0o755) -> Path:
    folder.mkdir(exist_ok=True)
    stub = folder / name
    stub.write_text(STUB.format(answer=answer))
    stub.chmod(mode)
    return stub


def test_without_a_word_it_lists_its_words() -> None:
    done = run()
    assert done.returncode == 0
    for word in ("demo", "test", "setup", "check", "pythons", "bench", "doctor", "lock"):
        assert re.search(rf"^  {word} ", done.stdout, re.MULTILINE)


def test_an_unknown_word_is_wrong_usage() -> None:
    done = run("dmeo")
    assert done.returncode == 2
    assert "no word 'dmeo'" in done.stderr
    assert "  demo " in done.stderr


def test_it_passes_over_a_python_that_cannot_be_used(clone: Path) -> None:
    python(clone / "a", "python3", answer=1)  # too old, or without venv
    python(clone / "b", "python3", answer=0, mode=0o644)  # not executable
    good = python(clone / "c", "python3", answer=0)
    done = run("setup", folder=clone, path=f"{clone}/a:{clone}/b:{clone}/c:/usr/bin:/bin")
    assert f"Python packages ({good}): FAILED" in done.stderr
    assert f"stub: -m venv --clear {clone}/.venv" in done.stderr  # the end of the step's log
    assert f"Then type: rm -rf '{clone}/.venv' and ./run setup again" in done.stderr
    assert done.returncode == 1


def test_the_system_is_looked_at_before_anything_is_installed() -> None:
    """PostGIS is found by the standard library alone: the set-up does it while packages are still on their way."""
    code = "import sys, gridsvc.db.cluster.postgis; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {*sys.stdlib_module_names, "gridsvc", "__main__"}


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_a_version_and_hashes_and_no_index_is_named(name: str) -> None:
    text = (PROJECT / name).read_text(encoding="utf-8")
    blocks = re.findall(r"^[A-Za-z0-9].*(?:\n .*)*", text, re.MULTILINE)
    assert blocks
    for block in blocks:
        assert re.match(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==\S+", block), block.splitlines()[0]
        assert "--hash=sha256:" in block, block.splitlines()[0]
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)  # an option: an index, a host


def test_the_locks_have_what_the_project_asks_for_and_agree() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    running, testing = pins("requirements.lock"), pins("requirements-test.lock")
    assert extras["setup"]
    assert names([*project["dependencies"], *extras["setup"]]) <= set(running)
    assert names([*extras["test"], *extras["osmnx"]]) - {"gridsvc"} <= set(testing)
    assert {name: testing.get(name) for name in running} == running
    assert not names(extras["test"]) & set(running)  # no test tool where the service runs


def pins(lock: str) -> dict[str, list[str]]:
    """Return the locked versions of each package; more than one where they depend on the Python."""
    found: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)\S*==(\S+)", (PROJECT / lock).read_text("utf-8"), re.MULTILINE):
        found.setdefault(name, []).append(version)
    return found


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[;<>=! ]", wanted)[0].lower().replace("_", "-") for wanted in requirements}


def test_every_dependency_has_a_lower_bound() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(line for lines in project["optional-dependencies"].values() for line in lines),
    ]
    assert [line for line in wanted if ">=" not in line and not line.startswith("gridsvc[")] == []


def test_the_assets_are_locked_with_their_digests_and_without_hosts() -> None:
    text = (PROJECT / "package-lock.json").read_text(encoding="utf-8")
    assert text.count('"integrity"') == text.count('"node_modules/') > 0
    assert '"resolved"' not in text


def test_what_the_project_is_checked_with_is_what_a_person_types() -> None:
    commands = re.findall(r"^\./run \w+", (PROJECT / ".ci/run").read_text(encoding="utf-8"), re.MULTILINE)
    assert commands == ["./run test", "./run pythons"]


def test_the_pythons_that_are_tested_are_those_that_the_project_allows() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    script = (PROJECT / "run").read_text(encoding="utf-8")
    versions = re.findall(r'^versions="(.*)"$', script, re.MULTILINE)[0].split()
    assert project["requires-python"] == f">={versions[0]}"
    for path in re.findall(r'^quick="([^"]+)"', script, re.MULTILINE)[0].split():
        assert (PROJECT / path).exists()


def test_it_starts_through_a_symbolic_link(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("links")
    (elsewhere / "first").symlink_to(clone / "run")
    (elsewhere / "second").symlink_to("first")
    python(elsewhere / "bin", "python3", answer=0)
    done = subprocess.run(
        [elsewhere / "second", "setup"],
        env={"PATH": f"{elsewhere}/bin:/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert f"setting up in {clone}" in done.stderr
    assert f"stub: -m venv --clear {clone}/.venv" in done.stderr


def test_a_clone_of_another_user_is_refused_with_the_cure() -> None:
    folder = Path(tempfile.mkdtemp(prefix="gridsvc-run-", dir="/tmp"))
    try:
        shutil.copy2(PROJECT / "run", folder / "run")
        folder.chmod(0o555)
        done = subprocess.run(
            [folder / "run", "setup"],
            env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
            user="nobody" if os.geteuid() == 0 else None,
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 1
        assert f"this user may not write in {folder}" in done.stderr
        assert f"safe.directory '{folder}/.git' && git clone '{folder}' ~/gridsvc" in done.stderr
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)
