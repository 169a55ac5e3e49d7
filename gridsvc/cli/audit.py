"""`gridsvc audit`: verify the chain of events, anchor it, replay a recommendation."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gridsvc.cli.answers import answer, district_option, json_option, opened_service, progress, table
from gridsvc.cli.groups import Group
from gridsvc.cli.names import find_case
from gridsvc.errors import InvalidInput, Refusal
from gridsvc.files.text import read_json, write_text
from gridsvc.operations.evidence import replay as replaying
from gridsvc.operations.evidence import verify as auditing


@click.group(cls=Group)
def audit() -> None:
    """Prove that no event was changed, removed or cut off."""


@audit.command()
@click.option(
    "--anchor",
    "anchor_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="An anchor that is stored elsewhere.",
)
@json_option
def verify(*, anchor_file: Path | None, as_json: bool) -> None:
    """Verify every chain from its first event, and every row that answers rest on; exit 3, and name all faults."""
    kept = None if anchor_file is None else _read_anchor(anchor_file)
    service = opened_service()
    reports = auditing.verify(service, anchor=kept, progress=progress("events"))
    rows = [(r.district, r.sealed, r.cases, r.rows, r.hash[:16], _state(r)) for r in reports]

    def show() -> None:
        table(["district", "events", "cases", "rows", "hash", "evidence"], rows)
        for report in reports:
            for words in report.faults:
                click.echo(f"{report.district}: {words}")
            if report.fault_count > len(report.faults):
                click.echo(f"{report.district}: and {report.fault_count - len(report.faults)} more")

    answer([r.as_json() for r in reports], as_json=as_json, show=show)
    auditing.refuse_faults(reports)


def _state(report: auditing.ChainReport) -> str:
    """Return one word on a chain, and what is not proven yet."""
    words = "holds" if report.holds else f"{report.fault_count} fault(s)"
    if report.unsealed:
        words += f"; {report.unsealed} event(s) not sealed yet, for {report.unsealed_s:.0f} s at most"
    if report.rows_upgraded:
        words += f"; {report.rows_upgraded} rows proven since the upgrade only"
    return words


@audit.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def anchor(*, file: Path, as_json: bool) -> None:
    """Write the ends of the chains to FILE. Store it where nobody who can write here has access."""
    ends = auditing.anchor(opened_service())
    write_text(file, json.dumps(ends, indent=1) + "\n")
    answer(ends, as_json=as_json, show=lambda: click.echo(f"Anchored {len(ends['districts'])} chains in {file}."))


@audit.command()
@click.argument("case")
@district_option
@json_option
def replay(*, case: str, district: str | None, as_json: bool) -> None:
    """Recompute the recommendation of CASE (its number or id) from the recorded inputs; exit 3 where it differs."""
    service = opened_service()
    outcome = replaying.replay(service, find_case(service, case, district))
    words = f"The same answer, {outcome.dispatches} time(s)." if outcome.same else "A different answer."
    if outcome.not_recomputed:
        words += f" As recorded, not recomputed: {', '.join(outcome.not_recomputed)}, by an earlier program."
    answer(outcome.as_json(), as_json=as_json, show=lambda: click.echo(words))
    if outcome.tampered:
        raise Refusal(f"The recorded inputs were changed: {', '.join(outcome.tampered)}.", kind="tampered")
    if outcome.differs:
        raise Refusal(
            f"The recomputed answer differs from the recorded one: {', '.join(outcome.differs)}.", kind="differs"
        )


def _read_anchor(file: Path) -> dict[str, object]:
    cure = "Give the file that `gridsvc audit anchor` wrote."
    value = read_json(file, cure)
    if not isinstance(value, dict):
        raise InvalidInput(f"{file} is not an anchor. {cure}", kind="bad-anchor")
    return value
