"""Every refusal of the program has a sentence of the screen, in both languages, and no word of a developer in it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import gridsvc
import gridsvc.api

PROGRAM = Path(gridsvc.__file__).parent
SCREEN = Path(gridsvc.api.__file__).parent / "screen" / "js"
_ENTRY = re.compile(r'^  "([a-z-]+)": "(.+)",$', re.MULTILINE)
_KIND = re.compile(r"^[a-z]+(-[a-z]+)*$")


def refusal_classes(trees: list[ast.Module]) -> set[str]:
    """The names of the classes of refusals: those of gridsvc.errors and what is derived from them."""
    derived = {node.name: {getattr(base, "id", getattr(base, "attr", "")) for base in node.bases}
               for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}  # fmt: skip
    found = {"Refusal", "Unavailable"}
    while more := {name for name, bases in derived.items() if bases & found} - found:
        found |= more
    return found


def kinds_of(tree: ast.AST, classes: set[str]) -> set[str]:
    """The kinds that a module gives to refusals: `kind=...`, `kind = ...` of a class, and those of problem()."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name in classes:
            for line in node.body:
                if isinstance(line, ast.Assign) and [getattr(each, "id", "") for each in line.targets] == ["kind"]:
                    found |= _texts(line.value)
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in classes:
                found |= set().union(*(_texts(each.value) for each in node.keywords if each.arg == "kind"), set())
            if name == "problem" and len(node.args) > 1:
                found |= _texts(node.args[1])
    return {kind for kind in found if _KIND.match(kind)}


def _texts(node: ast.expr) -> set[str]:
    return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def kinds_of_the_program() -> set[str]:
    """Every kind, except for those of the command line."""
    found: set[str] = {"bad-request", "no-such-page", "method-not-allowed", "http"}  # those of the framework
    paths = [path for path in sorted(PROGRAM.rglob("*.py")) if "cli" not in path.relative_to(PROGRAM).parts]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in paths]
    classes = refusal_classes(trees)
    found |= set().union(*(kinds_of(tree, classes) for tree in trees))
    return found | {f"no-{what}" for what in ("job", "proposal", "incident")}  # made up of parts in api/jobs.py


def sentences(language: str) -> dict[str, str]:
    found = _ENTRY.findall((SCREEN / f"refusals_{language}.js").read_text(encoding="utf-8"))
    assert len(found) == len(dict(found)), "a kind is defined twice"
    return dict(found)


ZH, EN = sentences("zh"), sentences("en")


def test_the_collector_finds_kinds_of_each_form() -> None:
    source = (
        'class A(Refusal):\n    kind = "one"\nclass B(A):\n    pass\nclass Event(Base):\n    kind = "no"\n'
        'raise B("x", kind="two" if y else "three")\nproblem(401, "four", "t", "d")\nsort(kind="stable")\n'
    )
    tree = ast.parse(source)
    assert kinds_of(tree, refusal_classes([tree])) == {"one", "two", "three", "four"}


def test_every_kind_has_a_sentence_in_both_languages() -> None:
    kinds = kinds_of_the_program()
    assert len(kinds) > 100
    assert kinds - set(ZH) == set()
    assert kinds - set(EN) == set()


def test_both_languages_have_the_same_kinds_and_values() -> None:
    def holes(text: str) -> set[str]:
        return set(re.findall(r"\{(\w+)\}", text))

    assert {kind: holes(text) for kind, text in ZH.items()} == {kind: holes(text) for kind, text in EN.items()}


@pytest.mark.parametrize("language", [ZH, EN], ids=["zh", "en"])
def test_a_sentence_has_no_words_of_a_developer(language: dict[str, str]) -> None:
    forbidden = re.compile(
        r"`|\bGET\b|\bPOST\b|HTTP|JSON|gridsvc|null|/[a-z]+/|\b[a-z]+_[a-z]+\b|\.sh\b|\bid\b", re.ASCII
    )
    assert {kind: text for kind, text in language.items() if forbidden.search(re.sub(r"\{\w+\}", "", text))} == {}


def test_a_chinese_sentence_is_chinese() -> None:
    assert [kind for kind, text in ZH.items() if not re.search(r"[一-鿿]", text)] == []
