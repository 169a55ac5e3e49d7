"""What an engineer loads from files: catalogue, response plans, teams, addresses, calendar."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from gridsvc.coordinates import Datum
from gridsvc.db import teams
from gridsvc.db.evidence.documents import get_document
from gridsvc.db.evidence.events import append_event
from gridsvc.db.grids import addresses
from gridsvc.db.grids.versions import ensure_district, get_versions, list_versions
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.files.law.catalogue import read_catalogue, read_units
from gridsvc.files.law.response_plans import read_clock_rules, read_plan_book
from gridsvc.files.teams import read_teams
from gridsvc.law import Catalogue
from gridsvc.operations.cases.timers import put_calendar
from gridsvc.operations.law.in_force import put_law
from gridsvc.operations.places.datum_guard import find_shift, read_in_datum

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from sqlalchemy import Connection

    from gridsvc.db.grids.addresses import Address
    from gridsvc.law import ClockRules, PlanBook
    from gridsvc.law.printed import CatalogueReport
    from gridsvc.law.timers import TimerRules
    from gridsvc.operations.runtime.service import Service
    from gridsvc.teams.model import Team


def only_district(connection: Connection, code: str | None) -> str:
    """Return the code that was given, or that of the one loaded district.

    Raises
    ------
    InvalidInput
        When several are loaded and none was named.
    NotFound
        When none is loaded.
    """
    if code is not None:
        return code
    codes = [versions.district for versions in list_versions(connection)]
    if not codes:
        raise NotFound("No district is loaded. Name the new one with --district CODE.", kind="no-district")
    if len(codes) > 1:
        raise InvalidInput(
            f"Several districts are loaded ({', '.join(codes)}). Name one with --district CODE.", known=list(codes)
        )
    return codes[0]


def load_catalogue(
    service: Service, district: str | None, path: Path, units: Path, *, override_reason: str | None, actor: str
) -> CatalogueReport:
    """Put a catalogue in force and return how its sums compare with the printed ones of its source."""
    catalogue, report = read_catalogue(path, units, override_reason=override_reason)

    def work(connection: Connection) -> None:
        code = only_district(connection, district)
        ensure_district(connection, code)
        put_law(connection, code, catalogue=catalogue, source=path.name)
        _record(connection, code, "load catalogue", actor, {"version": catalogue.version, "source": path.name})

    service.database.run(work)
    return report


def load_plans(
    service: Service, district: str | None, path: Path, clocks_path: Path, units: Path, *, actor: str
) -> tuple[PlanBook, ClockRules]:
    """Put response plans and clock policies in force; they are checked against the catalogue in force."""
    clocks, known = read_clock_rules(clocks_path), read_units(units)

    def work(connection: Connection) -> PlanBook:
        code = only_district(connection, district)
        ensure_district(connection, code)
        plans = read_plan_book(path, clocks, _catalogue_in_force(connection, code), known)
        put_law(connection, code, plans=plans, clocks=clocks, source=path.name)
        _record(connection, code, "load plans", actor, {"version": plans.version, "source": path.name})
        return plans

    return service.database.run(work), clocks


def load_teams(service: Service, district: str | None, path: Path, *, actor: str) -> list[Team]:
    """Put a roster in force: known teams are updated, new ones added, and teams not in the file are retired."""

    def work(connection: Connection) -> list[Team]:
        code = only_district(connection, district)
        read = read_teams(path, _catalogue_in_force(connection, code))
        roster = [replace(team, id=str(team_uuid(code, team.id))) for team in read]
        teams.replace_teams(connection, code, [], roster, {})
        _record(connection, code, "load teams", actor, {"teams": len(roster), "source": path.name})
        return roster

    return service.database.run(work)


def load_addresses(
    service: Service,
    district: str | None,
    found: Sequence[Address],
    *,
    path: Path,
    datum: Datum | None,
    actor: str,
) -> tuple[int, list[str]]:
    """Replace the addresses of a district; return their number, and what is to be said of their datum.

    `datum`: that of their coordinates, as a person says; None: WGS-84, where nothing speaks against it.

    Raises
    ------
    InvalidInput
        Where another datum explains the shift, and none was said.
    """
    declared = datum or Datum.WGS84
    read = read_in_datum(found, declared)

    with service.database.transaction() as connection:
        code = only_district(connection, district)
        shift = find_shift(service, connection, code, read, declared)
    if shift is not None and datum is None:
        raise shift.refusal(str(path))
    said = [] if shift is None else [f"The file {shift.words}; it was read as {declared.value}"]

    def work(connection: Connection) -> int:
        count = addresses.replace_addresses(connection, code, read)
        data = {"addresses": count, "source": path.name, "datum": declared.value, "notes": said}
        _record(connection, code, "load addresses", actor, data)
        return count

    return service.database.run(work), said


def load_calendar(
    service: Service, district: str | None, holidays: frozenset[date], make_up_days: frozenset[date], *, actor: str
) -> TimerRules:
    """Put the working calendar of some years in force; see `timers.put_calendar`."""
    with service.database.transaction() as connection:
        code = only_district(connection, district)
    return put_calendar(service, code, holidays, make_up_days, actor=actor)


def team_uuid(district: str, team_id: str) -> UUID:
    """Return a team's UUID: its id where that is one, else one made from district and id, always the same."""
    try:
        return UUID(team_id)
    except ValueError:
        return uuid5(NAMESPACE_URL, f"gridsvc:team:{district}:{team_id}")


def _catalogue_in_force(connection: Connection, code: str) -> Catalogue:

    digest = get_versions(connection, code).catalogue
    if digest is None:
        raise NotFound(f"District {code} has no catalogue yet. Run `gridsvc load catalogue FILE` first.", district=code)
    return Catalogue.from_document(get_document(connection, code, "catalogue", digest))


def _record(connection: Connection, code: str, kind: str, actor: str, data: dict[str, Any]) -> None:
    now = get_versions(connection, code, lock="update").now
    append_event(connection, code, kind, actor=actor, at=now, data=data)
