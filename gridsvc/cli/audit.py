"""`gridsvc audit`: prove the chain of events, anchor it, recompute a dispatch."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from uuid import UUID

import click

from gridsvc.cli.answers import answer, json_option, opened_service, progress, table
from gridsvc.errors import InvalidInput, Refusal
from gridsvc.operations.evidence import replay as replaying
from gridsvc.operations.evidence import verify as auditing


@click.group()
def audit() -> None:
    """Prove that no event was changed, removed or cut off."""


@audit.command()
@click.option("--anchor", "anchor_file", type=click.Path(path_type=Path), help="An anchor kept elsewhere.")
@json_option
def verify(*, anchor_file: Path | None, as_json: bool) -> None:
    """Walk every chain from its beginning; exit 3 and name the first bad row where one does not hold."""
    kept = None if anchor_file is None else _read(anchor_file)
    service = opened_service()
    reports = auditing.verify(service, anchor=kept, progress=progress("events"))
    rows = [(r.district, r.sealed, r.cases, r.hash[:16], r.wrong or "holds") for r in reports]
    answer([asdict(r) for r in reports], as_json=as_json,
           show=lambda: table(["district", "events", "cases", "hash", "evidence"], rows))  # fmt: skip
    if wrong := [r for r in reports if r.wrong is not None]:
        raise Refusal(f"The evidence of {wrong[0].district} does not hold: {wrong[0].wrong}.", kind="chain-broken")


@audit.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def anchor(*, file: Path, as_json: bool) -> None:
    """Write the ends of the chains to FILE: keep it where nobody who writes here can reach it."""
    ends = auditing.anchor(opened_service())
    try:
        file.write_text(json.dumps(ends, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{file} cannot be written: {error.strerror}.") from None
    answer(ends, as_json=as_json, show=lambda: click.echo(f"Anchored {len(ends['districts'])} chains in {file}."))


@audit.command()
@click.argument("incident")
@json_option
def replay(*, incident: str, as_json: bool) -> None:
    """Recompute the recommendation of a case from what was recorded; exit 3 where it differs."""
    try:
        case_id = UUID(incident)
    except ValueError:
        raise InvalidInput(
            f"{incident!r} is no id of a case. Ids are UUIDs, as the report's answer gives them."
        ) from None
    outcome = replaying.replay(opened_service(), case_id)
    words = f"The same answer, {outcome.dispatches} time(s)." if outcome.same else "Another answer."
    answer(outcome.as_json(), as_json=as_json, show=lambda: click.echo(words))
    if outcome.tampered:
        raise Refusal(f"What was recorded was tampered with: {', '.join(outcome.tampered)}.", kind="tampered")
    if outcome.differs:
        raise Refusal(f"The recorded answer is another: {', '.join(outcome.differs)}.", kind="differs")


def _read(file: Path) -> dict[str, object]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise InvalidInput(f"{file} is no JSON. Give the file of `gridsvc audit anchor`.") from None
    return value if isinstance(value, dict) else {}
