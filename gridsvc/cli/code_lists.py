"""`gridsvc grids match`: two lists of codes against each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridsvc.cli.answers import answer, district_option, json_option, printable, say, table
from gridsvc.cli.boundary_faults import opened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gridsvc.grids.code_lists import CodeMatch
    from gridsvc.grids.naming import KnownDivision

_WORDS = {
    "same-code": "the same code and name", "same-name": "the same name in the same parent, another code",
    "former-name": "the name is that of before, as the list says", "changed-kind": "a village that became a community",
    "renamed": "the same code, another name", "moved-parent": "the same name in another parent",
    "same-ground": "the same ground, another code and name", "merged": "its ground is of another now",
    "split": "its ground was of another", "gone": "in the list before only", "new": "in the list after only",
}  # fmt: skip


@click.command()
@click.argument("before")
@click.argument("after", required=False)
@click.option("--level", metavar="LEVEL", help="regional, township, area or village.  [default: all that both have]")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write every row to a .csv file.")
@district_option
@json_option
def match(
    *, before: str, after: str | None, level: str | None, out: Path | None, district: str | None, as_json: bool
) -> None:
    """Match the codes of BEFORE with those of AFTER: the rule of each pair, and everything that no rule takes.

    Each is a CSV file with the columns code and name (and where known parent, level, former_name), the number of a
    generation, or the word known: the national list. AFTER is the draft, else what is in force. Two generations are
    compared by their ground, too.
    """
    from gridsvc.operations.grids import code_lists as operation
    from gridsvc.operations.grids.generations import level_of

    wanted = None if level is None else level_of(level)
    found = operation.compare_lists(*opened(district), before, after, level=wanted, out=out)
    value = found.as_json()
    if out is not None:
        say(f"{out}: {len(found.matches)} rows")

    def show() -> None:
        click.secho(f"{found.before} against {found.after}", bold=True)
        if found.left_out:
            click.echo(f"Levels that one of the two lacks are left out: {', '.join(found.left_out)}.")
        show_codes(value, found.matches)

    answer(value, as_json=as_json, show=show)


def show_codes(value: Mapping[str, Any], matches: Sequence[CodeMatch]) -> None:
    """Print how many divisions each rule took, then every one that is not the same in both lists."""
    for level, counts in value["counts"].items():
        for rule, count in counts.items():
            click.secho(
                f"{level:9} {rule:13} {count:6,}  {_WORDS[rule]}", fg="yellow" if rule in {"gone", "new"} else None
            )
    if changed := [each for each in matches if not each.is_plain]:
        table(["level", "rule", "before", "name", "after", "name", "why"], [
            (each.level.key, each.rule, *_side(each.before), *_side(each.after), each.why) for each in changed
        ])  # fmt: skip
    gone, new = value["gone"], value["new"]
    click.echo(f"Unmatched: {gone} before, {new} after." if gone or new else "Every division of both is matched.")


def _side(one: KnownDivision | None) -> tuple[str, str]:
    return ("", "") if one is None else (one.code, printable(one.name))
