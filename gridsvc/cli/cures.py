"""The cure of a refusal as a command that can be typed as it is printed."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@contextmanager
def cure_as_command(words: Sequence[str], options: object) -> Iterator[None]:
    """Add to a refusal the command that was typed with the options that cure it, its parameter `retry`.

    `options` is a dataclass as `collect` makes it: its fields are the options that were typed.
    """
    try:
        yield
    except InvalidInput as refusal:
        retry = refusal.parameters.get("retry")
        if not isinstance(retry, list) or not retry:
            raise
        typed = {f"--{field.name.replace('_', '-')}": getattr(options, field.name) for field in fields(options)}  # type: ignore[arg-type]
        lines = [_command(words, typed, each) for each in retry if isinstance(each, list)]
        detail = "\n  ".join([f"{refusal.detail} Type:", *lines])
        parameters = {name: value for name, value in refusal.parameters.items() if name != "retry"}
        raise type(refusal)(detail, kind=refusal.kind, **parameters) from None


def _command(words: Sequence[str], typed: dict[str, Any], cure: Sequence[Any]) -> str:
    option, *value = map(str, cure)
    whole = list(words)
    for name, each in (typed | {option: value[0] if value else True}).items():
        for one in each if isinstance(each, tuple) else (each,):
            if one is not None and one is not False:
                whole += [name] if one is True else [name, str(one)]
    return shlex.join(["gridsvc", *whole])
