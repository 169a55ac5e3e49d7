"""`gridsvc compliance report`, `causes` and `cells`: the report, why responses were late, and where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridsvc.cli.answers import ACTOR, answer, district_option, json_option, opened_service, say, table
from gridsvc.cli.compliance import check_imported, imported_option, only_option
from gridsvc.cli.compliance_tables import percent, seconds, seconds_span, span
from gridsvc.cli.dates import local_time
from gridsvc.cli.options import collect

if TYPE_CHECKING:
    from gridsvc.operations.compliance.question import Question

since_option = click.option("--since", metavar="TIME", help="Cases reported from then on: a date, or a time with its "
                            "offset.")  # fmt: skip
until_option = click.option("--until", metavar="TIME", help="Cases reported before then.")


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """The options of `compliance report`."""

    month: str | None
    since: str | None
    until: str | None
    out: Path
    language: str
    policy: str | None
    resolution: int | None
    source: Path | None
    map_: Path | None
    keep: bool
    imported: bool
    only: str | None
    district: str | None

    def check(self) -> None:
        """Raise UsageError for options that do not go together."""
        check_imported(self.source, self.only, imported=self.imported)
        if self.imported and self.keep:
            raise click.UsageError("Reports that are kept are of this service's cases. Leave --keep out.")
        if self.month is not None and (self.since is not None or self.until is not None):
            raise click.UsageError("--month is the whole period. Leave --since and --until out.")
        if (self.source is None) != (self.map_ is None):
            raise click.UsageError("--file and --map go together.")
        if self.source is not None and (self.district is not None or self.keep):
            raise click.UsageError("--file is of no district. Leave --district and --keep out.")

    def question(self) -> Question:
        """Return what is asked."""
        from gridsvc.operations.compliance.question import Question

        return Question(self.since, self.until, policy=self.policy)


@click.command()
@click.option("--month", metavar="2026-10", help="The cases of one month, in the district's time zone.")
@since_option
@until_option
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True,
              help=".html (one page that stands alone and prints on A4), .json, .csv or .parquet.")  # fmt: skip
@click.option("--language", type=click.Choice(["zh", "en"]), default="zh", show_default=True,
              help="Of the page.")  # fmt: skip
@click.option("--policy", metavar="ID", help="The clock policy; without it the default one.")
@click.option("--resolution", type=int, metavar="N", help="The finest H3 resolution of the map: 6 to 8.  [default: 8]")
@click.option("--file", "source", type=click.Path(path_type=Path), metavar="CALLS.csv",
              help="An export of a dispatch system instead of this service's cases.")  # fmt: skip
@click.option("--map", "map_", type=click.Path(path_type=Path), metavar="MAP.toml", help="What its columns are.")
@imported_option
@only_option
@click.option("--keep", is_flag=True, help="Keep the report in the service, with its digest in the evidence.")
@district_option
@json_option
@collect(ReportOptions)
def report(asked: ReportOptions, *, as_json: bool) -> None:
    """Write the report of response times: in time or late, why, where, and whether predictions were honest.

    The same events give the same file, byte for byte.
    """
    asked.check()
    from gridsvc.files.reports import write_report

    if asked.imported:
        document, kept = _of_imports(asked)
    else:
        document, kept = _of_file(asked) if asked.source is not None else _of_district(asked)
    write_report(asked.out, document, asked.language)
    summary = {
        "out": str(asked.out),
        "district": document["district"],
        "policy": document["clock"]["id"],
        "since": document["since"],
        "until": document["until"],
        "cases": document["cases"]["counted"],
        "sha256": document["basis"]["sha256"],
        "kept": kept,
    }

    def show() -> None:
        click.echo(f"{asked.out}: {summary['cases']} cases by {summary['policy']}.")
        if kept is not None:
            click.echo(f"Kept as report {kept['id']}.")

    answer(summary, as_json=as_json, show=show)


def _of_district(asked: ReportOptions) -> tuple[dict[str, Any], dict[str, Any] | None]:
    from gridsvc.operations.compliance.kept import keep
    from gridsvc.operations.compliance.report import make_report, wanted_of

    service = opened_service()
    code, wanted = wanted_of(service, asked.district, asked.question(), asked.month, asked.resolution)
    document = make_report(service, code, wanted)
    return document, keep(service, code, document, wanted, actor=ACTOR).as_json() if asked.keep else None


def _of_imports(asked: ReportOptions) -> tuple[dict[str, Any], None]:
    from gridsvc.operations.compliance.imported import Imported
    from gridsvc.operations.compliance.report import report_of_imports

    imported = Imported(asked.only)
    return report_of_imports(opened_service(), asked.district, asked.question(), asked.month, imported), None


def _of_file(asked: ReportOptions) -> tuple[dict[str, Any], None]:
    from gridsvc.files.calls.maps import read_call_map
    from gridsvc.operations.compliance.exports import report_of_export

    assert asked.source is not None
    assert asked.map_ is not None
    map_ = read_call_map(asked.map_)
    return report_of_export(asked.source, map_, asked.question(), asked.month, now=datetime.now(UTC)), None


@click.command()
@since_option
@until_option
@click.option("--cases", "show_cases", is_flag=True, help="List the late cases themselves.")
@district_option
@json_option
def causes(*, since: str | None, until: str | None, show_cases: bool, district: str | None, as_json: bool) -> None:
    """Show why responses were late, and what would have met the target."""
    from gridsvc.operations.compliance.late import get_causes, list_late_cases
    from gridsvc.operations.compliance.question import Question

    service, question = opened_service(), Question(since, until)
    if show_cases:
        found = list_late_cases(service, district, question)
        answer(found, as_json=as_json, show=lambda: _show_cases(found))
        return
    counted = get_causes(service, district, question)
    answer(counted, as_json=as_json, show=lambda: show_causes(counted))


def _show_cases(found: dict[str, Any]) -> None:
    table(
        ("number", "type", "reported", "township", "response_s", "overrun_s", "cause"),
        [
            (
                each["number"],
                each["type_name"],
                local_time(each["reported_at"]),
                each["township"] and each["township"]["name"],
                each["response_s"],
                each["overrun_s"],
                each["cause"],
            )
            for each in found["items"]
        ],
        title=f"{found['total']} late cases, each by the clock policy that it was reported under",
    )


def show_causes(found: dict[str, Any]) -> None:
    """Show the causes of each class; urban and rural cases are not added up."""
    for kind, of_class in found["by_class"].items():
        _show_class(kind, of_class)
    if not found["late"]:
        say("No case of the period was late.")


def _show_class(kind: str, found: dict[str, Any]) -> None:
    table(
        ("cause", "n", "share", "95 % interval", "overrun_s"),
        [(each["cause"], *_shown(each["main"]), round(each["overrun_s"])) for each in found["causes"]],
        title=f"{kind}: {found['late']} late cases, each by the clock policy that it was reported under",
    )
    table(
        ("would have met the target, if", "n", "share", "95 % interval"),
        [(each["kind"], *_shown(each["met"])) for each in found["remedies"]],
    )
    if found["uncertain"]:
        say(
            f"In {found['uncertain']} of them `en route` is missing or impossible: turnout and travel cannot be "
            "separated."
        )


def _shown(value: dict[str, Any]) -> tuple[str, str, str]:
    if not value["n"]:
        return "0 of 0", "", ""
    interval = f"{value['low'] * 100:.1f} to {value['high'] * 100:.1f} %"
    return f"{value['count']} of {value['n']}", f"{value['share'] * 100:.1f} %", interval


@click.command()
@since_option
@until_option
@click.option("--policy", metavar="ID", help="The clock policy; without it the default one.")
@click.option("--resolution", type=int, metavar="N", help="The finest H3 resolution: 6 to 8.  [default: 8]")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help=".geojson, .json or .gpkg.")
@district_option
@json_option
def cells(
    *,
    since: str | None,
    until: str | None,
    policy: str | None,
    resolution: int | None,
    out: Path | None,
    district: str | None,
    as_json: bool,
) -> None:
    """Show where responses are late: areas of at least five cases each, within their townships."""
    from gridsvc.operations.compliance.late import get_cells
    from gridsvc.operations.compliance.question import Question

    found = get_cells(opened_service(), district, Question(since, until, policy=policy), resolution=resolution)
    if out is not None:
        from gridsvc.files.reports import write_late_areas

        write_late_areas(out, found)
        say(f"{out} is written.")

    def show() -> None:
        rows = [each["properties"] for each in found["features"]]
        late = [
            (each["id"], "、".join(each["township_names"]), each["n"], f"{each['late']} of {each['judged']}",
             percent(each["late_share"]), span(each["late_low"], each["late_high"]),
             seconds(each["p90_s"]) or "too few", seconds_span(each["p90_low_s"], each["p90_high_s"]))
            for each in rows
        ]  # fmt: skip
        table(("area", "township", "n", "late", "share", "95 % interval", "p90_s", "95 % of P90"), late,
              title=f"{len(rows)} areas by {found['policy']}, urban and rural together, each by its own target; "
              f"a township with fewer than {found['least']} cases is not divided")  # fmt: skip

    answer(found, as_json=as_json, show=show)
