"""A refusal prints the command that was typed with the option that cures it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

import pytest

from gridsvc.cli.cures import cure_as_command
from gridsvc.errors import InvalidInput, UndeclaredDatum


@dataclass(frozen=True)
class Options:
    level: str
    crs: str | None = None
    name_field: str | None = None
    dry_run: bool = False
    label: tuple[str, ...] = ()


def commands(options: Options, retry: list[list[str]]) -> list[list[str]]:
    with pytest.raises(UndeclaredDatum) as refused, cure_as_command(["load", "grids", "a b.shp"], options):
        raise UndeclaredDatum("No datum.", retry=retry, more=1)
    detail, *lines = refused.value.detail.splitlines()
    assert detail == "No datum. Type:"
    assert refused.value.parameters == {"more": 1}
    return [shlex.split(line) for line in lines]


def test_the_option_that_cures_is_added_or_replaced() -> None:
    typed = ["gridsvc", "load", "grids", "a b.shp", "--level", "township"]
    assert commands(Options("township"), [["--crs", "GCJ-02"], ["--dry-run"]]) == [
        [*typed, "--crs", "GCJ-02"], [*typed, "--dry-run"]
    ]  # fmt: skip
    kept = Options("township", "EPSG:4549", "乡镇 名称", dry_run=True)
    assert commands(kept, [["--crs", "EPSG:4548"]]) == [
        [*typed, "--crs", "EPSG:4548", "--name-field", "乡镇 名称", "--dry-run"]
    ]


def test_an_option_that_was_repeated_stays_repeated() -> None:
    (line,) = commands(Options("township", label=("a=8", "b=9")), [["--dry-run"]])
    assert line[4:] == ["--level", "township", "--dry-run", "--label", "a=8", "--label", "b=9"]


def test_a_refusal_without_a_cure_stays_as_it_is() -> None:
    with pytest.raises(InvalidInput, match=r"^Wrong\.$"), cure_as_command(["load"], Options("x")):
        raise InvalidInput("Wrong.")
