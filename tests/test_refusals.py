"""A refusal says everything twice: as a sentence, and as parameters that a client can say in its own language."""

from __future__ import annotations

import ast
import builtins
import re
from pathlib import Path
from typing import TYPE_CHECKING

from gridsvc import errors
from gridsvc.api.http.problems import STATUS

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).resolve().parents[1]
CLASSES = {
    name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, errors.GridsvcError)
}
FUNCTIONS = CLASSES | {"problem"}
# What no request reaches: files, the command line, the cluster of this machine, the demo, the start of
# the processes.
OFFLINE = ("analysis", "cli", "files", "db/cluster", "db/schema", "demo", "serve", "settings.py", "operations/imports",
           "roads/network", "roads/calibration", "grids/building.py", "law/catalogue.py", "law/clocks.py",
           "law/plans.py", "law/printed.py", "teams", "isochrones", "operations/evidence", "evidence")  # fmt: skip


def calls() -> Iterator[tuple[str, ast.AST, ast.Call]]:
    """Yield where a refusal that a request can meet is made, the function that makes it, and the call."""
    for path in sorted((PROJECT / "gridsvc").rglob("*.py")):
        name = path.relative_to(PROJECT / "gridsvc").as_posix()
        if name.startswith(OFFLINE):
            continue
        for function in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for node in ast.walk(function):
                    if isinstance(node, ast.Call) and getattr(node.func, "id", None) in FUNCTIONS and node.args:
                        yield f"{name}:{node.lineno}", function, node


def names_in(node: ast.AST) -> set[str]:
    """Return the variables that an expression reads: no builtins, no functions, no variables of its own loops."""
    read = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}
    bound = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
    called = {each.func.id for each in ast.walk(node) if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)}
    return read - bound - called - set(dir(builtins))


def unsaid(function: ast.AST, call: ast.Call) -> set[str]:
    """Return the variables of a sentence that are in no parameter, neither they nor what they were made of."""
    made_of: dict[str, set[str]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            made_of.setdefault(node.targets[0].id, set()).update(names_in(node.value))
    given = {name for keyword in call.keywords for name in names_in(keyword.value)}

    def is_given(name: str, deeper: int = 4) -> bool:
        if name in given:
            return True
        return deeper > 0 and name in made_of and all(is_given(each, deeper - 1) for each in made_of[name])

    values = [
        each.value for argument in call.args for each in ast.walk(argument) if isinstance(each, ast.FormattedValue)
    ]
    return {name for value in values for name in names_in(value) if not is_given(name)}


def test_no_sentence_holds_a_value_that_is_not_a_parameter() -> None:
    found = {where: sorted(names) for where, function, call in calls() if (names := unsaid(function, call))}
    assert found == {}


def rows() -> dict[str, tuple[set[int], set[str]]]:
    """Return the statuses and the names of the parameters of every kind of refusal in the code."""
    found: dict[str, tuple[set[int], set[str]]] = {}
    for _, _, call in calls():
        assert isinstance(call.func, ast.Name)
        name = call.func.id
        given = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
        if name == "problem":
            kinds = [str(each.value) for each in call.args[1:2] if isinstance(each, ast.Constant)]
            first = call.args[0]
            status = first.value if isinstance(first, ast.Constant) and isinstance(first.value, int) else None
        else:
            cls = getattr(errors, name)
            kind = given.get("kind", ast.Constant(cls.kind))
            kinds = [str(kind.value)] if isinstance(kind, ast.Constant) else []
            status = 503 if issubclass(cls, errors.Unavailable) else next(STATUS[c] for c in cls.__mro__ if c in STATUS)
        for each in kinds:
            statuses, parameters = found.setdefault(each, (set(), set()))
            statuses.update([] if status is None else [status])
            parameters.update(set(given) - {"kind", "headers"})
            parameters.update({"retry_after_s"} if status == 503 else ())
    return found


def lines_of(found: dict[str, tuple[set[int], set[str]]]) -> set[str]:
    """Return the lines of the table in docs/refusals.md."""
    lines = set()
    for kind, (statuses, parameters) in found.items():
        named = ", ".join(f"`{name}`" for name in sorted(parameters)) or "none"
        lines.add(f"| `{kind}` | {', '.join(map(str, sorted(statuses)))} | {named} |")
    return lines


def test_every_kind_of_refusal_is_documented() -> None:
    lines = lines_of(rows())
    written = set(re.findall(r"^\| `.*\|$", (PROJECT / "docs" / "refusals.md").read_text("utf-8"), re.MULTILINE))
    assert sorted(lines - written) == [], "add these lines to docs/refusals.md"
    assert sorted(written - lines) == [], "remove these lines from docs/refusals.md"
