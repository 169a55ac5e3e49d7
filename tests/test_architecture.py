"""docs/architecture.md is true: its files exist, each walk has at most eight, and each is imported by one before it."""

from __future__ import annotations

import ast
import re

import pytest

from tests.conftest import PROJECT

TEXT = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")


def walk(name: str) -> list[str]:
    part = TEXT.split(f"<!-- walk: {name} -->")[1].split("\n## ")[0]
    return re.findall(r"^\d+\. `(gridsvc/[\w/]+\.py)`", part, re.MULTILINE)


def imports(path: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse((PROJECT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
        elif isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
    return found


@pytest.mark.parametrize("name", ["location", "step"])
def test_a_walk_has_at_most_eight_files_each_imported_by_one_before_it(name: str) -> None:
    files = walk(name)
    assert 4 <= len(files) <= 8
    reached = imports(files[0])
    for path in files[1:]:
        assert path.removesuffix(".py").replace("/", ".") in reached, path
        reached |= imports(path)


def test_every_file_that_is_named_exists() -> None:
    named = re.findall(r"`((?:\w+/)+\w+\.py)`", TEXT)
    assert named
    for path in named:
        assert (PROJECT / path).is_file() or (PROJECT / "gridsvc" / path).is_file(), path
