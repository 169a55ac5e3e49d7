"""The documents say what the program has: commands, options, settings, words of `./run`, links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from gridsvc.cli.load import KINDS
from gridsvc.cli.root import WORDS, root
from gridsvc.settings import SETTINGS

PROJECT = Path(__file__).resolve().parents[1]
READMES = ["README.md", "README.zh-CN.md"]
LARGEST_PICTURE = 300_000


def read(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


def commands(text: str) -> list[str]:
    """Return the command lines of gridsvc in code blocks (after `$`) and between backticks."""
    return re.findall(r"^\$ gridsvc (.+)$", text, re.MULTILINE) + re.findall(r"`gridsvc ([^`]+)`", text)


@pytest.mark.parametrize("name", READMES)
def test_each_readme_lists_every_setting_and_no_other(name: str) -> None:
    rows = re.findall(r"^\| `(GRIDSVC_\w+)` \| (.*?) \|", read(name), re.MULTILINE)
    assert [setting for setting, _ in rows] == [setting.name for setting in SETTINGS]
    for (_, default), setting in zip(rows, SETTINGS, strict=True):
        for value in re.findall(r"[~/\w.]*[/\d]+[~/\w.]*|^required$", setting.default):
            assert value in default
    assert set(re.findall(r"GRIDSVC_\w+", read(name))) <= {setting.name for setting in SETTINGS}


@pytest.mark.parametrize("name", READMES)
def test_the_program_takes_every_command_of_the_readmes(name: str) -> None:
    found = commands(read(name))
    assert len(found) > 10
    for line in found:
        words = shlex.split(line)
        command: click.Command = root
        context = click.Context(root, info_name="gridsvc")
        while isinstance(command, click.Group) and words:
            inner = command.get_command(context, words[0])
            assert inner is not None, f"{name}: gridsvc {line}: there is no {words[0]}"
            command, words = inner, words[1:]
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word.split("=")[0] for word in words if word.startswith("--")} <= options, f"{name}: gridsvc {line}"
        if f"$ gridsvc {line}" in read(name):  # a whole line, with all its arguments
            command.make_context(command.name, words)


def test_both_readmes_show_the_same_commands_routes_and_links() -> None:
    english, chinese = map(read, READMES)
    assert commands(english) == commands(chinese)
    for pattern in (r"\./run \w+", r"`(?:GET|POST) [^`]+`", r"\]\(((?!README)[^)]+)\)", r"^#+ ", r"^\|"):
        assert re.findall(pattern, english, re.MULTILINE) == re.findall(pattern, chinese, re.MULTILINE), pattern


@pytest.mark.parametrize("name", [*READMES, "CONTRIBUTING.md"])
def test_the_words_of_run_exist(name: str) -> None:
    script = read("run")
    known = set(re.findall(r"^  (\w+)  ", script.partition("cat <<'TEXT'")[2].partition("TEXT")[0], re.MULTILINE))
    assert set(re.findall(r"\./run ([a-z]\w*)", read(name))) <= known


def test_the_documents_name_no_command_that_the_program_lacks() -> None:
    for page in [*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md")]:
        text = page.read_text(encoding="utf-8")
        named = set(re.findall(r"(?:`|\$ )gridsvc ([a-z][a-z-]*)", text))
        assert named <= set(WORDS), page.name
        assert set(re.findall(r"`gridsvc load ([a-z]+)", text)) <= set(KINDS), page.name


def test_every_link_of_the_documents_leads_somewhere() -> None:
    lost = [
        f"{page.name}: {target}"
        for page in [*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md")]
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert lost == []


def test_the_pictures_are_small() -> None:
    pictures = [path for path in (PROJECT / "docs").rglob("*") if path.suffix in {".png", ".jpg", ".svg"}]
    assert pictures
    assert [path.name for path in pictures if path.stat().st_size > LARGEST_PICTURE] == []
