"""Arrays that compiled functions borrow (`numba_types.borrowed`) outlive the functions; else memory is corrupted."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).resolve().parents[1] / "gridsvc"


def functions_that_borrow() -> Iterator[tuple[str, ast.FunctionDef]]:
    for file in sorted(PACKAGE.glob("*/kernels/*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef) and "borrowed(" in ast.unparse(node):
                yield f"{file.stem}.{node.name}", node


BORROWERS = dict(functions_that_borrow())


def borrowed_in(function: ast.FunctionDef) -> set[str]:
    """What the function borrows."""
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    return {ast.unparse(call.args[0]) for call in calls if ast.unparse(call.func) == "borrowed"}


def test_kernels_of_every_package_borrow() -> None:
    assert {name.split(".")[0] for name in BORROWERS} > {"search_kernel", "contour_kernel", "insertion_kernel"}


@pytest.mark.parametrize("name", BORROWERS)
def test_a_function_borrows_only_its_parameters(name: str) -> None:
    parameters = {each.arg for each in BORROWERS[name].args.args}
    assert borrowed_in(BORROWERS[name]) <= parameters


@pytest.mark.parametrize("name", BORROWERS)
def test_a_function_that_borrows_is_not_inlined(name: str) -> None:
    # numba would put the caller's variables in place of the parameters, and free these after their last use
    assert not any("inline" in ast.unparse(each) for each in BORROWERS[name].decorator_list)


@pytest.mark.parametrize("name", BORROWERS)
def test_a_function_returns_nothing_that_it_borrowed(name: str) -> None:
    function = BORROWERS[name]
    groups = borrowed_in(function)
    lent = groups | {
        target.id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        for target, value in _pairs(node)
        if isinstance(target, ast.Name) and ast.unparse(value).split(".")[0] in groups and not _is_new(value)
    }
    returned = [part for node in ast.walk(function) if isinstance(node, ast.Return) for part in _parts(node.value)]
    # a part of an array is a view of it; a copy, a sum and the result of a call are new
    bare = {ast.unparse(part.value if isinstance(part, ast.Subscript | ast.Attribute) else part) for part in returned}
    assert not bare & lent


def _parts(node: ast.expr | None) -> list[ast.expr]:
    if node is None:
        return []
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]


def _pairs(assignment: ast.Assign) -> list[tuple[ast.expr, ast.expr]]:
    """Each name with what it is set to; names to which one group is unpacked have the group."""
    targets, values = _parts(assignment.targets[0]), _parts(assignment.value)
    return list(zip(targets, values if len(values) == len(targets) else values * len(targets), strict=False))


def _is_new(value: ast.expr) -> bool:
    """Whether a value is no array of a group: an element, a sum, the result of a call."""
    return not isinstance(value, ast.Name | ast.Attribute)
