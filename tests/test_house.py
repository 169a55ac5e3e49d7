"""How the house is kept: which files import late is declared, with the reason, and nothing else does."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
TEXT = (PROJECT / "pyproject.toml").read_text()
IGNORED: dict[str, list[str]] = tomllib.loads(TEXT)["tool"]["ruff"]["lint"]["per-file-ignores"]
DECLARED = [pattern for pattern, rules in IGNORED.items() if "PLC0415" in rules and not pattern.startswith("tests")]


def imports_late(file: Path) -> bool:
    """Whether a function of the file imports something."""
    functions = [
        node
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return any(isinstance(node, ast.Import | ast.ImportFrom) for each in functions for node in ast.walk(each))


LATE = {file.relative_to(PROJECT) for file in (PROJECT / "gridsvc").rglob("*.py") if imports_late(file)}


def declared(pattern: str) -> set[Path]:
    """The files of a pattern that import late."""
    return LATE & {file.relative_to(PROJECT) for file in PROJECT.glob(pattern.replace("**", "**/*"))}


def test_only_declared_files_import_late() -> None:
    assert LATE - set().union(*map(declared, DECLARED)) == set()


@pytest.mark.parametrize("pattern", DECLARED)
def test_every_declared_file_imports_late(pattern: str) -> None:
    assert declared(pattern), (
        f"Remove PLC0415 from the line of {pattern} in pyproject.toml: nothing there imports late."
    )


def test_the_rules_are_on() -> None:
    lint = tomllib.loads(TEXT)["tool"]["ruff"]["lint"]
    assert lint["select"] == ["ALL"]
    assert not {"PLC0415", "PLR0913", "C901", "PLR0912", "PLR0915", "ANN401"} & set(lint["ignore"])
    assert lint["pylint"]["max-args"] == 8


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("gridsvc.grids.index", ["numba", "shapely", "geopandas"]),
        ("gridsvc.operations.places.geocode", ["numba", "geopandas"]),
        ("gridsvc.operations.compliance.exports", ["sqlalchemy", "numba", "geopandas"]),
        ("gridsvc.api.app", ["geopandas", "pyogrio", "osmium", "osmnx"]),
    ],
)
def test_what_starts_often_loads_no_more_than_it_needs(module: str, unwanted: list[str]) -> None:
    code = f"import sys, {module}; print(*(name for name in {unwanted} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
