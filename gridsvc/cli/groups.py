"""Groups of commands: words that are imported when they are used, and suggestions for a mistyped one."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


class Word(NamedTuple):
    """Where a command is defined, and its line in the help of its group."""

    module: str
    attribute: str
    help: str


class Group(click.Group):
    """A group that names the nearest commands where one is mistyped."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names; UsageError with the nearest ones where there is none."""
        from difflib import get_close_matches

        typed = args[0]
        if not typed.startswith("-") and self.get_command(ctx, typed) is None:
            near = get_close_matches(typed.lower(), self.list_commands(ctx), n=3)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            ctx.fail(f"There is no command {typed[:60]!r} in `{ctx.command_path}`.{hint}")
        return super().resolve_command(ctx, args)


class LazyGroup(Group):
    """A group that imports the module of a command when the command is used, so that --help costs nothing."""

    words: Mapping[str, Word]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which they are declared."""
        del ctx
        return list(self.words)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None for an unknown one."""
        del ctx
        word = self.words.get(cmd_name)
        if word is None:
            return None
        command: click.Command = getattr(importlib.import_module(word.module), word.attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands with their lines, without importing any of them."""
        del ctx
        if not self.words:
            return
        with formatter.section("Commands"):
            formatter.write_dl([(name, word.help) for name, word in self.words.items()])
