"""docs/commands.md has an example of every command, and each example is one that the program accepts."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from gridsvc.cli.root import root

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).resolve().parents[2] / "docs" / "commands.md"
EXAMPLES = re.findall(r"^\$ gridsvc (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
HISTORIC = re.compile(r"\b(told|whoever|anew|come to|begun|his|him)\b", re.IGNORECASE)


def commands(command: click.Command = root, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        if command.invoke_without_command:
            yield " ".join(path), command
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None, name
            yield from commands(found, (*path, name))
    else:
        yield " ".join(path), command


COMMANDS = dict(commands())


def split(example: str) -> tuple[str, list[str]]:
    words = shlex.split(example, comments=True)
    for length in (2, 1):
        if " ".join(words[:length]) in COMMANDS:
            return " ".join(words[:length]), words[length:]
    pytest.fail(f"{example}: there is no such command")


def test_every_command_has_an_example() -> None:
    assert set(COMMANDS) - {split(example)[0] for example in EXAMPLES} == set()


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_accepted(example: str) -> None:
    name, words = split(example)
    COMMANDS[name].make_context(name, words)  # raises UsageError for a wrong option, argument or choice


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_says_what_each_option_is_for_in_plain_words(name: str) -> None:
    command = COMMANDS[name]
    context = click.Context(command, info_name=f"gridsvc {name}", max_content_width=110)
    text = command.get_help(context)
    assert command.help, "a command says what it does"
    assert not HISTORIC.search(text), HISTORIC.search(text)
    assert "%(" not in text
    silent = [p.name for p in command.params
              if isinstance(p, click.Option) and not p.hidden and not p.help]  # fmt: skip
    assert silent == []
