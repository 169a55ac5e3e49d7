"""The demo: a place, its law, teams and past, loaded through the same doors as a user's own data (DESIGN 8)."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.db import about as store
from gridsvc.db import addresses, engagements, events, incidents, personal, sealing, teams
from gridsvc.db.versions import ensure_district, get_versions
from gridsvc.errors import Conflict, InvalidInput
from gridsvc.files.demo.agreement import Agreement, compare_with_networkx
from gridsvc.files.demo.crews import raise_crews
from gridsvc.files.demo.history import Candidates, candidate_places, plan_history
from gridsvc.files.demo.real import DISTRICT_CODE as REAL_CODE
from gridsvc.files.demo.real import make_real
from gridsvc.files.demo.synthetic import make_jindong
from gridsvc.grids.levels import Level
from gridsvc.operations import grids, recommending, roads
from gridsvc.operations.demo_history import Replay
from gridsvc.operations.districts import view_at
from gridsvc.operations.law import put_law
from gridsvc.response_plans import ResponseClass
from gridsvc.teams import TeamKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from gridsvc.files.demo.place import DemoPlace
    from gridsvc.operations.demo_cases import PastCase
    from gridsvc.operations.districts import DistrictView
    from gridsvc.operations.service import Service

    Say = Callable[[str], None]

MAKING = 4
"""Counts changes of how a demo is made: one that was made otherwise is not taken for the same."""

DEFAULT_INCIDENTS, DEFAULT_SEED = 600, 1
_SLACK = 1.15
"""A post counts as near enough where the drive may take so much longer than predicted."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. `incidents`, `seed` None: the defaults, or whatever is there already."""

    osm: Path | None = None
    incidents: int | None = None
    seed: int | None = None
    levels: Mapping[Level, int] = field(default_factory=dict)

    def source(self) -> str:
        """Name what the place is made from: by the content of the file, so that a copy is the same place."""
        if self.osm is None:
            return f"synthetic {MAKING}"
        if not self.osm.is_file():
            raise InvalidInput(f"There is no file {self.osm}; give the path of a .osm.pbf file.")
        digest = hashlib.sha256()
        with self.osm.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        told = ",".join(f"{level.key}={number}" for level, number in sorted(self.levels.items()))
        return f"osm {MAKING} {digest.hexdigest()} {told}".strip()


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that is there. `answer` is the JSON object of `demo --json`; `first` a dispatched case to show."""

    answer: dict[str, Any]
    notes: list[str]
    agreement: dict[str, Any]
    first: dict[str, Any] | None
    reused: bool


def provide_demo(service: Service, wish: Wish, geodata: Path, say: Say) -> Demo:
    """Return the demo that is wished for, made now unless the data folder has it already.

    Raises
    ------
    InvalidInput
        A file that cannot be read or has no roads.
    Conflict
        The data folder has this demo with another number of incidents or another seed.
    """
    begun = time.perf_counter()
    source = wish.source()
    with service.database.transaction() as connection:
        told = store.list_about(connection)
    code = _code_of(told, source, synthetic=wish.osm is None)
    made = told.get(code, {}).get("demo", {})
    if made.get("finished"):
        _refuse_other(made, wish)
        seconds = round(time.perf_counter() - begun, 2)
        return Demo(json.loads(made["answer"]) | {"seconds": seconds}, told[code]["notes"], made["agreement"],
                    json.loads(made["first"]), reused=True)  # fmt: skip
    return _make(service, wish, code, source, geodata, say, begun)


def _code_of(told: dict[str, dict[str, Any]], source: str, *, synthetic: bool) -> str:
    """Return the district of a source: the one it has, else a free code."""
    for code, about in told.items():
        if about.get("demo", {}).get("source") == source:
            return code
    if synthetic:
        from gridsvc.files.demo.jindong import DISTRICT_CODE

        if DISTRICT_CODE in told:
            raise Conflict(
                f"District {DISTRICT_CODE} is loaded already and is not this demo. "
                "Set GRIDSVC_DATA to another folder for a demo of its own.",
                kind="district-taken",
            )
        return DISTRICT_CODE
    free = int(REAL_CODE)
    while str(free) in told:
        free += 1
    return str(free)


def _refuse_other(made: dict[str, Any], wish: Wish) -> None:
    for what, asked in (("incidents", wish.incidents), ("seed", wish.seed)):
        if asked is not None and asked != made[what]:
            raise Conflict(
                f"This data folder has the demo with {what} {made[what]}, not {asked}. Leave --{what} out to use it, "
                "or set GRIDSVC_DATA to another folder.",
                kind="other-demo",
            )


def _make(service: Service, wish: Wish, code: str, source: str, geodata: Path, say: Say, begun: float) -> Demo:
    count = DEFAULT_INCIDENTS if wish.incidents is None else wish.incidents
    seed = DEFAULT_SEED if wish.seed is None else wish.seed
    say("Roads and boundaries ..." if wish.osm else "Drawing the synthetic Jindong ...")
    place = make_jindong(geodata, seed) if wish.osm is None else make_real(wish.osm, code, wish.levels)
    for note in place.notes:
        say(f"  {note}.")
    about: dict[str, Any] = {"notes": list(place.notes), "demo": {"source": source, "incidents": count, "seed": seed}}

    def announce(connection: Connection) -> None:
        ensure_district(connection, code, name=place.name, synthetic=place.synthetic, time_zone=place.time_zone)
        store.set_about(connection, code, about)

    service.database.run(announce)
    names = load_place(service, place, wish.osm.name if wish.osm else "synthetic", geodata, seed, say)
    say(f"Two years of history: {count} incidents ...")
    agreement, cases = _live_through(service, place, count, seed)
    answer, first = _answer(place, cases), _first(cases, names)
    sealed = sealing.seal_all(service.database)
    say(f"  {sealed} events sealed; {agreement.agree} of {agreement.compared} travel times agree with networkx.")
    answer |= {"teams": len(names)}
    answer["seconds"] = round(time.perf_counter() - begun, 2)
    told = {"compared": agreement.compared, "agree": agreement.agree, "largest_s": round(agreement.largest_s, 4)}
    # as text: jsonb would put the levels into another order
    about["demo"] |= {"finished": True, "answer": json.dumps(answer), "agreement": told, "first": json.dumps(first)}
    service.database.run(lambda connection: store.set_about(connection, code, about))
    return Demo(answer, list(place.notes), told, first, reused=False)


def load_place(service: Service, place: DemoPlace, source: str, geodata: Path, seed: int, say: Say) -> dict[str, str]:
    """Load grids, roads, law, teams and addresses of a place into its district; return the teams' names by id."""
    from gridsvc.files.catalogue import read_catalogue, read_units
    from gridsvc.files.response_plans import read_clock_rules, read_plan_book

    counts = ", ".join(f"{number} {key}" for key, number in place.grid_counts().items())
    say(f"Grids: {counts} ...")
    grids.establish(service, place.code, list(place.grids), source={"file": source, "notes": list(place.notes)},
                    name=place.name, synthetic=place.synthetic, time_zone=place.time_zone)  # fmt: skip
    say(f"Roads: {place.roads.node_count} nodes, {place.roads.arc_count} arcs ...")
    roads.establish(service, place.code, place.roads, source=source)
    units = geodata / "units.toml"
    catalogue, _ = read_catalogue(geodata / "jindong" / "catalogue.toml", units)
    clocks = read_clock_rules(geodata / "clock_policies.toml")
    plans = read_plan_book(geodata / "response_plans", clocks, catalogue, read_units(units))
    crews = raise_crews(place, catalogue, plans, seed)
    say(f"Law and teams: {len(plans.plans)} run cards, {len(crews.teams)} teams at {len(crews.stations)} posts, "
        f"{len(place.addresses)} addresses ...")  # fmt: skip
    stations = [teams.Station(s.id, s.name, s.kind, s.lon, s.lat, s.derived) for s in crews.stations]

    def work(connection: Connection) -> None:
        put_law(connection, place.code, catalogue=catalogue, plans=plans, clocks=clocks, source="geodata")
        teams.replace_teams(connection, place.code, stations, crews.teams, crews.station_of)
        addresses.replace_addresses(connection, place.code, gazetteer(place, source))

    service.database.run(work)
    return {team.id: team.name for team in crews.teams}


def gazetteer(place: DemoPlace, source: str) -> list[addresses.Address]:
    """Return addresses and named places as the gazetteer keeps them: a house to 20 m, a place to some hundred."""
    houses = [addresses.Address(a.text, "house", a.lon, a.lat, 20.0, source) for a in place.addresses]
    homes = [addresses.Address(s.name, s.kind, s.lon, s.lat, 800.0, source) for s in place.settlements]
    return houses + homes


def _live_through(service: Service, place: DemoPlace, count: int, seed: int) -> tuple[Agreement, list[PastCase]]:
    """Replay the past into the database, in one transaction; return the proof of the travel times and the cases."""

    def work(connection: Connection) -> tuple[Agreement, list[PastCase]]:
        versions = get_versions(connection, place.code, lock="share")
        view = view_at(service, connection, versions)
        spots = candidate_places(place, 3 * count + 100, seed + 1)
        spots, far, squadrons = owned_places(view, spots)
        planned = plan_history(spots, far, recommending.law_of(view).plans, place.time_zone, versions.now, count,
                               seed + 2, squadrons)  # fmt: skip
        numbers = iter(store.next_numbers(connection, count))
        replay = Replay(service, view, versions.now, seed + 3, lambda: next(numbers))
        cases = sorted(replay.run(planned), key=lambda case: case.row["triggered_at"])
        _write(connection, cases)
        return compare_with_networkx(place.roads, spots.lon, spots.lat), cases

    return service.database.run(work)


def owned_places(view: DistrictView, spots: Candidates) -> tuple[Candidates, np.ndarray, int]:
    """Keep the places with a whole owner chain; say which are too far from every squadron, and how many there are."""
    from gridsvc.roads.search import matrix
    from gridsvc.roads.snapping import snap

    index, network, law = view.index, view.network, recommending.law_of(view)
    assert index is not None
    assert network is not None
    rows = index.locate_many(spots.lon, spots.lat).rows
    whole = np.asarray((rows >= 0).all(axis=1), dtype=bool)
    spots = Candidates(
        spots.lon[whole], spots.lat[whole], tuple(w for w, kept in zip(spots.words, whole, strict=True) if kept)
    )
    leads = np.array([team.kind is TeamKind.SQUADRON for team in law.prepared.teams])
    posts = snap(network, law.station_lon[leads], law.station_lat[leads])
    drive_s = matrix(network, posts, snap(network, spots.lon, spots.lat)).min(axis=0)
    codes = np.array([str(index.grids.urban_rural_codes[row] or "") for row in rows[whole, Level.VILLAGE - 1]])
    urban = np.isin(codes, sorted(law.clocks.response_classes.urban_codes))
    targets = _targets(view)
    target_s = np.where(urban, targets[ResponseClass.URBAN], targets[ResponseClass.RURAL])
    policy = law.clocks.get(law.clocks.default_policy)
    ready_s = policy.handling_s + max(
        team.station_turnout_s for team in law.prepared.teams if team.kind is TeamKind.SQUADRON
    )
    return spots, (drive_s + ready_s) * _SLACK > target_s, int(leads.sum())


def _targets(view: DistrictView) -> dict[ResponseClass, int]:
    """Return the strictest target of each class over all emergency types."""
    found: dict[ResponseClass, int] = {}
    for plan in recommending.law_of(view).plans.plans.values():
        for response_class, seconds in plan.target_s.items():
            found[response_class] = min(seconds, found.get(response_class, seconds))
    return found


def _write(connection: Connection, cases: Sequence[PastCase]) -> None:
    """Write the cases with their engagements and events."""
    for case in cases:
        incidents.add_incident(connection, case.finished_row())
    personal.add_personal(connection, [case.personal for case in cases if case.personal])
    engagements.add_engagements(connection, [row for case in cases for row in case.engagements])
    events.append_events(connection, [row for case in cases for row in case.event_rows])
    personal.add_notes(connection, [row for case in cases for row in case.note_rows])


def _answer(place: DemoPlace, cases: Sequence[PastCase]) -> dict[str, Any]:
    """Return the JSON object of `demo --json`, but for its teams and seconds."""
    responses = [(s, case.row["target_s"]) for case in cases if (s := case.lead_response_s()) is not None]
    met = [s <= target for s, target in responses]
    whole = [all(case.row[key] is not None for key in ("regional", "township", "area", "village")) for case in cases]
    return {
        "district": place.code,
        "synthetic": place.synthetic,
        "grids": place.grid_counts(),
        "roads": {"nodes": place.roads.node_count, "arcs": place.roads.arc_count},
        "incidents": len(cases),
        "owned": sum(whole),
        "dispatched": sum(bool(case.engagements) for case in cases),
        "met_target_share": round(sum(met) / len(met), 4) if met else None,
        "lead_response_p90_s": round(float(np.quantile([s for s, _ in responses], 0.9)), 1) if responses else None,
    }


def _first(cases: Sequence[PastCase], names: dict[str, str]) -> dict[str, Any] | None:
    """Return the newest emergency that teams were sent to, as its caller was answered, with the teams' names."""
    for case in reversed(cases):
        if case.urgent and case.engagements and case.row["details"]["recommendation"]["lead"]:
            details: dict[str, Any] = case.row["details"]
            return details | {"team_names": names}
    return None
