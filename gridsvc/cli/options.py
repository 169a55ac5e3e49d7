"""Options that belong together reach a command as one dataclass."""

from __future__ import annotations

from dataclasses import fields
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

Options = TypeVar("Options")
P = ParamSpec("P")

accept_uncovered = click.option(
    "--accept-uncovered", is_flag=True, help="Load roads although they leave townships of the district without."
)


def collect(made: type[Options]) -> Callable[[Callable[Concatenate[Options, P], None]], Callable[..., None]]:
    """Return a decorator that gives a command its options as one value of a dataclass.

    The fields of the dataclass are the names of the options; the other options stay arguments of their own.
    """
    names = [field.name for field in fields(made)]  # type: ignore[arg-type]

    def decorate(command: Callable[Concatenate[Options, P], None]) -> Callable[..., None]:
        @wraps(command)
        def collected(*args: P.args, **typed: P.kwargs) -> None:
            own = {name: typed.pop(name) for name in names}
            command(made(**own), *args, **typed)

        return collected

    return decorate
