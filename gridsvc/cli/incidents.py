"""`gridsvc incidents`: list cases, show one, report one, take a step of one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridsvc.cli.answers import answer, district_option, json_option, opened_service, say, table
from gridsvc.cli.cases import show_case
from gridsvc.cli.corrections import owner, place
from gridsvc.cli.dates import local_time, read_moment
from gridsvc.cli.geometry import read_geometry
from gridsvc.cli.groups import Group
from gridsvc.cli.names import Teams, actor_option, find_case, find_type
from gridsvc.cli.options import collect
from gridsvc.cli.recommend import (
    Place,
    address_option,
    datum_option,
    lonlat_argument,
    show_recommendation,
    type_option,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gridsvc.cases.decide import Report


@click.group(cls=Group)
def incidents() -> None:
    """List cases, show one, report an incident, take a step of a case or of a team on it, correct one."""


incidents.add_command(place)
incidents.add_command(owner)


# ----------------------------------------------------------------------------------------------------------------- list


@dataclass(frozen=True, slots=True)
class ListOptions:
    """The options of `incidents list`."""

    status: tuple[str, ...]
    owner: str | None
    response_class: str | None
    since: str | None
    late: bool | None
    waiting: bool | None
    district: str | None


@incidents.command("list")
@click.option("--status", multiple=True, metavar="STATUS", help="triggered, accepted, assigned, handling, feedback, "
              "archived or cancelled; may be repeated.  [default: all]")  # fmt: skip
@click.option("--owner", metavar="GRID_CODE", help="Only cases in this grid.")
@click.option("--class", "response_class", type=click.Choice(["urban", "rural"]), help="Only cases of this class.")
@click.option("--since", metavar="TIME", help="Only cases since this time (RFC 3339, with offset).")
@click.option("--late/--not-late", default=None, help="Only cases that miss, or meet, their target.")
@click.option("--waiting/--not-waiting", default=None, help="Only cases that wait, or do not wait, for a team.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many, the newest first."
)
@district_option
@json_option
@collect(ListOptions)
def list_command(asked: ListOptions, *, limit: int, as_json: bool) -> None:
    """List cases, the newest first."""
    from gridsvc.cases.model import Status
    from gridsvc.db.cases.filters import CaseFilter
    from gridsvc.operations.cases.read import list_cases

    for word in asked.status:
        _check_word(word, [str(status) for status in Status], "status")
    wanted = CaseFilter(
        district=asked.district, statuses=asked.status or None, owner=asked.owner,
        response_class=asked.response_class, since=read_moment(asked.since, "--since"), late=asked.late,
        waiting=asked.waiting,
    )  # fmt: skip
    service = opened_service()
    page = list_cases(service, wanted, limit=limit, after=None)

    def show() -> None:
        names = Teams.read(service, asked.district).names()
        table(["number", "status", "type", "township", "reported", "target_s", "teams", "id"],
              [_list_row(case, names) for case in page["items"]])  # fmt: skip
        if page["next"] is not None:
            say(f"There are more. These are the newest {limit}; raise --limit, or use --since and --status.")

    answer(page["items"], as_json=as_json, show=show)


def _list_row(case: dict[str, Any], names: Mapping[str, str]) -> tuple[object, ...]:
    township = case["owners"]["township"]
    present = [a for a in case["assignments"] if a["until"] is None]
    teams = ", ".join(names.get(a["team_id"], a["team_id"]) for a in sorted(present, key=lambda a: not a["lead"]))
    return (
        case["number"], case["status"] + (", waiting" if case["waiting"] else ""),
        case["type_name"] + (" (drill)" if case["drill"] else ""), township and township["name"],
        local_time(case["reported_at"]), case["target_s"], teams, case["id"],
    )  # fmt: skip


# ----------------------------------------------------------------------------------------------------------------- show


@incidents.command()
@click.argument("case")
@click.option("--events", is_flag=True, help="List the events of the case, too.")
@district_option
@json_option
def show(*, case: str, events: bool, district: str | None, as_json: bool) -> None:
    """Show CASE (its number or id) as it is now: owners, target, teams, clocks, next steps."""
    from gridsvc.operations.cases.read import get_case, list_case_events

    service = opened_service()
    case_id = find_case(service, case, district)
    found = get_case(service, case_id)
    history = list_case_events(service, case_id)["items"] if events else []

    def tell() -> None:
        show_case(service, found)
        if events:
            table(["time", "event", "actor", "note"],
                  [(local_time(e["at"]), e["kind"], e["actor"], e.get("note")) for e in history])  # fmt: skip

    answer(found | {"events": history} if events else found, as_json=as_json, show=tell)


# --------------------------------------------------------------------------------------------------------------- report


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """The options of `incidents report` beside type and place."""

    radius: float | None
    geometry: Path | None
    description: str | None
    reporter_name: str | None
    reporter_phone: str | None
    reported_at: str | None
    source: str | None
    external_ref: str | None
    subject: str | None
    site: str | None
    drill: bool

    def as_report(self, incident_type: str, place: Place | None, datum: str) -> Report:
        """Return the report for the operation; its geometry is read and checked."""
        from gridsvc.cases.decide import Report

        reporter = {"name": self.reporter_name, "phone": self.reporter_phone}
        return Report(
            type=incident_type, lon=None if place is None else place.lon, lat=None if place is None else place.lat,
            datum=datum, radius_m=self.radius, address=None if place is None else place.address,
            extent=None if self.geometry is None else read_geometry(self.geometry),
            description=self.description, reporter={k: v for k, v in reporter.items() if v} or None,
            reported_at=read_moment(self.reported_at, "--reported-at"), source=self.source,
            external_ref=self.external_ref, subject=self.subject, site=self.site, drill=self.drill,
        )  # fmt: skip


@incidents.command(context_settings={"ignore_unknown_options": True})
@type_option
@address_option
@click.option("--geometry", type=click.Path(path_type=Path), metavar="FILE",
              help="GeoJSON of a line or area, instead of LON LAT.")  # fmt: skip
@datum_option
@click.option("--radius", type=float, metavar="M", help="How uncertain the place is, in metres.")
@click.option("--description", metavar="TEXT", help="What was said.")
@click.option("--reporter-name", metavar="NAME", help="Who reports.")
@click.option("--reporter-phone", metavar="NUMBER", help="Their telephone number.")
@click.option("--reported-at", metavar="TIME", help="When it was reported (RFC 3339, with offset).  [default: now]")
@click.option("--source", metavar="TEXT", help="Where the report comes from, for example 110.")
@click.option("--external-ref", metavar="TEXT", help="Its number there.")
@click.option("--subject", metavar="TEXT", help="The person or company that it is about.")
@click.option("--site", metavar="TEXT", help="The site that it is about.")
@click.option("--drill", is_flag=True, help="This is an exercise.")
@actor_option
@lonlat_argument
@json_option
@collect(ReportOptions)
def report(
    asked: ReportOptions, *, incident_type: str, address: str | None, datum: str, lonlat: tuple[float, ...],
    actor: str, as_json: bool,
) -> None:  # fmt: skip
    """Report an incident at LON LAT (or an address, line or area): makes a case and recommends teams."""
    if asked.geometry is not None and (lonlat or address is not None):
        raise click.UsageError("Give LON LAT, or --address, or --geometry.")
    place = Place.of(lonlat, datum, address) if asked.geometry is None else None
    from gridsvc.operations.cases.report import report_incident

    service = opened_service()
    made = asked.as_report(find_type(service, incident_type), place, datum)
    case = json.loads(report_incident(service, made, actor=actor).body)

    def show_made() -> None:
        click.secho(f"Case {case['number']} of district {case['district']}, id {case['id']}", bold=True)
        show_recommendation(service, case)
        click.echo(f"Next: gridsvc incidents step {case['id']} assign")

    answer(case, as_json=as_json, show=show_made)


# ----------------------------------------------------------------------------------------------------------------- step


@dataclass(frozen=True, slots=True)
class StepOptions:
    """The options of `incidents step`."""

    team: str | None
    at: str | None
    note: str | None
    alarm: int


@incidents.command()
@click.argument("case")
@click.argument("step")
@click.option("--team", metavar="TEAM", help="Name or id of the team: whose step it is, or whom to assign.")
@click.option("--at", metavar="TIME", help="When it happened (RFC 3339, with offset).  [default: now]")
@click.option("--note", metavar="TEXT", help="A note. A team that declines or withdraws must give its reason; "
              "so must an assign whose --team fills no slot of the law.")  # fmt: skip
@click.option(
    "--alarm", type=click.IntRange(1, 2), default=1, show_default=True, help="For assign: 2 sends more teams."
)
@actor_option
@district_option
@json_option
@collect(StepOptions)
def step(asked: StepOptions, *, case: str, step: str, actor: str, district: str | None, as_json: bool) -> None:
    """Take STEP of CASE (its number or id), or of a team on it.

    Steps of the case: accept, assign, handle, feedback, archive, cancel, reopen. Steps of a team (give --team):
    acknowledge, decline, en_route, on_scene, clear, withdraw. `assign` without --team sends the recommended teams.
    """
    from gridsvc.cases.steps import STEPS, TEAM_STEPS
    from gridsvc.operations.cases.read import get_case
    from gridsvc.operations.cases.steps import Step, step_incident

    word = step.replace("-", "_")
    _check_word(word, [*STEPS, *TEAM_STEPS], "step")
    moment = read_moment(asked.at, "--at")
    service = opened_service()
    case_id = find_case(service, case, district)
    teams = Teams.read(service, get_case(service, case_id)["district"])
    team_id = None if asked.team is None else teams.find(asked.team)
    taken = Step(word, team_id=team_id, at=moment, note=asked.note, alarm=asked.alarm)
    with teams.in_refusals():
        done = json.loads(step_incident(service, case_id, taken, actor=actor).body)
    answer(done, as_json=as_json, show=lambda: show_case(service, done))


def _check_word(word: str, known: list[str], what: str) -> None:
    """Raise UsageError, with the nearest words, for one that is not known."""
    from difflib import get_close_matches

    if word not in known:
        near = get_close_matches(word, known, n=3) or known
        raise click.UsageError(f"There is no {what} {word[:60]!r}. Use {' or '.join(near)}.")
