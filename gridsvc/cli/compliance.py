"""`gridsvc compliance`: response times against their targets, of a district's cases or of any system's export."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridsvc.cli.answers import answer, district_option, json_option, opened_service, say
from gridsvc.cli.compliance_tables import show_answer
from gridsvc.cli.groups import LazyGroup, Word
from gridsvc.cli.options import collect

if TYPE_CHECKING:
    from gridsvc.operations.compliance.question import Question

PARTS: dict[str, Word] = {
    "report": Word("gridsvc.cli.compliance_report", "report", "Write the report: a page for A4, or its tables"),
    "causes": Word("gridsvc.cli.compliance_report", "causes", "Why responses were late, and what would have met it"),
    "cells": Word("gridsvc.cli.compliance_report", "cells", "Where responses are late, without locating a reporter"),
}
GUESS = "guess"


class Parts(LazyGroup):
    """The commands below `compliance`."""

    words = PARTS


@dataclass(frozen=True, slots=True)
class ComplianceOptions:
    """The options of `compliance`."""

    since: str | None
    until: str | None
    by: tuple[str, ...]
    policy: str | None
    against: str | None
    compare: str | None
    trend: str | None
    source: Path | None
    map_: Path | None
    save_map: Path | None
    target: Path | None
    imported: bool
    only: str | None
    district: str | None

    def check(self) -> None:
        """Raise UsageError for options that do not go together."""
        check_imported(self.source, self.only, imported=self.imported)
        if (self.source is None) != (self.map_ is None):
            raise click.UsageError("--file and --map go together. --map guess proposes a map.")
        if self.save_map is not None and str(self.map_) != GUESS:
            raise click.UsageError("--save-map keeps the map that --map guess proposes.")
        if self.source is not None and self.district is not None:
            raise click.UsageError("--file is of no district. Leave --district out.")

    def question(self) -> Question:
        """Return what is asked."""
        from gridsvc.operations.compliance.question import Question

        by = tuple(word.strip() for each in self.by for word in each.split(",") if word.strip())
        return Question(self.since, self.until, by, self.policy, self.against, self.compare, self.trend)


def check_imported(source: Path | None, only: str | None, *, imported: bool) -> None:
    """Raise UsageError where it is not clear whose cases are meant."""
    if imported and source is not None:
        raise click.UsageError("--file is read as it is, --imported what was loaded. Give one of them.")
    if only is not None and not imported:
        raise click.UsageError("--only chooses among imported files. Give --imported, too.")


imported_option = click.option("--imported", is_flag=True,
                               help="The cases that `load incidents` loaded, instead of this service's.")  # fmt: skip
only_option = click.option("--only", metavar="DIGEST", help="Of the imported files, the one whose digest begins so.")


@click.group(cls=Parts, invoke_without_command=True)
@click.option(
    "--since",
    metavar="TIME",
    help="Cases reported from then on: a date in the time zone of the cases, or a time with its offset.",
)
@click.option("--until", metavar="TIME", help="Cases reported before then.")
@click.option("--by", multiple=True, metavar="WORDS",
              help="Divided by up to three of: township, area, village, regional, class, type, unit, team, lead, hour, "
                   "weekday, day, week, month, year; joined by commas.")  # fmt: skip
@click.option("--policy", metavar="ID", help="The clock policy; without it the default one.")
@click.option("--against", metavar="ID", help="The same figures under a second clock policy beside them.")
@click.option("--compare", metavar="PERIOD", help="With an earlier period: previous, or SINCE/UNTIL.")
@click.option("--trend", metavar="UNIT", help="The unit of the trend: day, week or month.")
@click.option("--file", "source", type=click.Path(path_type=Path), metavar="CALLS.csv",
              help="An export of a dispatch system instead of this service's cases.")  # fmt: skip
@click.option("--map", "map_", type=click.Path(path_type=Path), metavar="MAP.toml",
              help="What its columns are: a file, the name of one in geodata/maps, or guess.")  # fmt: skip
@click.option("--save-map", type=click.Path(path_type=Path), metavar="MAP.toml",
              help="Write the map that was guessed.")  # fmt: skip
@click.option("--out", "target", type=click.Path(path_type=Path), metavar="FILE",
              help="Write the rows as .csv, .parquet or .json.")  # fmt: skip
@imported_option
@only_option
@district_option
@json_option
@click.pass_context
def compliance(context: click.Context, /, **typed: Any) -> None:  # noqa: ANN401 - the options, by name
    """Show whether responses made their targets: intervals, shares in time, and what is not known beside them.

    Emergencies only; drills never count. Every figure has its count, its clock policy and a 95 % interval.
    """
    if context.invoked_subcommand is None:
        show_compliance(**typed)


@collect(ComplianceOptions)
def show_compliance(asked: ComplianceOptions, *, as_json: bool) -> None:
    """Answer `compliance` without a command below it."""
    asked.check()
    question = asked.question()
    if asked.source is not None and asked.map_ is not None:
        from gridsvc.operations.compliance.exports import compliance_of_export

        found = compliance_of_export(asked.source, _map(asked), question, now=datetime.now(UTC))
    else:
        from gridsvc.operations.compliance.figures import get_compliance
        from gridsvc.operations.compliance.imported import Imported

        imported = Imported(asked.only) if asked.imported else None
        found = get_compliance(opened_service(), asked.district, question, imported=imported)
    if asked.target is not None:
        from gridsvc.files.compliance import write_figures

        write_figures(asked.target, found)
        say(f"{asked.target} is written.")
    answer(found, as_json=as_json, show=lambda: show_answer(found))


def _map(asked: ComplianceOptions) -> Any:  # noqa: ANN401 - a CallMap, which is not loaded for --help
    from gridsvc.files.calls.guess import guess_map
    from gridsvc.files.calls.maps import map_text, read_call_map
    from gridsvc.files.text import write_text

    assert asked.source is not None
    assert asked.map_ is not None
    if str(asked.map_) != GUESS:
        return read_call_map(asked.map_)
    proposed = guess_map(asked.source)
    text = map_text(proposed)
    say(f"The map that is proposed; check it before you rely on a figure:\n\n{text}")
    if asked.save_map is not None:
        write_text(asked.save_map, text)
        say(f"{asked.save_map} is written.")
    return proposed
