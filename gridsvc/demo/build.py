"""The demo: a place, its law, teams and past, loaded through the same functions as a user's own data (DESIGN 8)."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gridsvc.db import teams
from gridsvc.db.evidence import sealing
from gridsvc.db.grids import about as store
from gridsvc.db.grids import addresses
from gridsvc.db.grids.versions import ensure_district, get_versions
from gridsvc.db.places.features import replace_features
from gridsvc.demo.past import live_through
from gridsvc.demo.world.crews import raise_crews
from gridsvc.demo.world.posts import appoint
from gridsvc.demo.world.real import make_real
from gridsvc.demo.world.synthetic import make_jindong
from gridsvc.errors import Conflict, InvalidInput
from gridsvc.files.law.calendar import read_calendar
from gridsvc.files.law.catalogue import read_catalogue, read_units
from gridsvc.files.law.response_plans import read_clock_rules, read_plan_book
from gridsvc.files.osm.model import REAL_CODE, SYNTHETIC_CODE
from gridsvc.operations.cases.timers import put_calendar
from gridsvc.operations.grids import generations
from gridsvc.operations.grids.people import put_posts
from gridsvc.operations.law.in_force import put_law
from gridsvc.operations.places.gazetteer import gazetteer_of
from gridsvc.operations.roads import networks
from gridsvc.operations.roads.calibration import calibrate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date
    from pathlib import Path

    from sqlalchemy import Connection

    from gridsvc.files.osm.model import DemoPlace
    from gridsvc.grids.levels import Level
    from gridsvc.operations.runtime.service import Service

    Say = Callable[[str], None]

MAKING = 7
"""Counts changes of how a demo is made: one that was made otherwise is not taken for the same."""

DEFAULT_INCIDENTS, DEFAULT_SEED = 600, 1


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
        result = ",".join(f"{level.key}={number}" for level, number in sorted(self.levels.items()))
        return f"osm {MAKING} {digest.hexdigest()} {result}".strip()


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
    started = time.perf_counter()
    source = wish.source()
    with service.database.transaction() as connection:
        result = store.list_about(connection)
    code = _code_of(result, source, synthetic=wish.osm is None)
    made = result.get(code, {}).get("demo", {})
    if made.get("finished"):
        _refuse_other(made, wish)
        seconds = round(time.perf_counter() - started, 2)
        return Demo(
            json.loads(made["answer"]) | {"seconds": seconds},
            result[code]["notes"],
            made["agreement"],
            json.loads(made["first"]),
            reused=True,
        )
    return _make(service, wish, code, source, geodata, say, started)


def _code_of(result: dict[str, dict[str, Any]], source: str, *, synthetic: bool) -> str:
    """Return the district of a source: the one it has, else a free code."""
    for code, about in result.items():
        if about.get("demo", {}).get("source") == source:
            return code
    if synthetic:
        if SYNTHETIC_CODE in result:
            raise Conflict(
                f"District {SYNTHETIC_CODE} is loaded already and is not this demo. "
                "Set GRIDSVC_DATA to another folder for a demo of its own.",
                kind="district-taken",
            )
        return SYNTHETIC_CODE
    free = int(REAL_CODE)
    while str(free) in result:
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


def _make(service: Service, wish: Wish, code: str, source: str, geodata: Path, say: Say, started: float) -> Demo:
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
    past = live_through(service, place, count, seed)
    agreement, first = past.agreement, past.first
    answer = {
        "district": place.code,
        "synthetic": place.synthetic,
        "grids": place.grid_counts(),
        "roads": {"nodes": place.roads.node_count, "arcs": place.roads.arc_count},
        "teams": len(names),
        **past.tally.as_json(),
    }
    _calibrate(service, code, say)
    sealed = sealing.seal_all(service.database)
    say(f"  {sealed} events sealed; {agreement.agree} of {agreement.compared} travel times agree with networkx.")
    answer["seconds"] = round(time.perf_counter() - started, 2)
    result = {"compared": agreement.compared, "agree": agreement.agree, "largest_s": round(agreement.largest_s, 4)}
    # as text: jsonb would put the levels into another order
    about["demo"] |= {
        "finished": True,
        "answer": json.dumps(answer),
        "agreement": result,
        "first": json.dumps(first and first | {"team_names": names}),
    }
    service.database.run(lambda connection: store.set_about(connection, code, about))
    sealing.seal_all(service.database)  # what was just written; nothing seals it until the service is started
    return Demo(answer, list(place.notes), result, json.loads(about["demo"]["first"]), reused=False)


def _calibrate(service: Service, code: str, say: Say) -> None:
    """Compare travel times with the trips of the past, so that recommendations have a range from now on."""
    try:
        result = calibrate(service, code, actor="demo")
    except Conflict as few:
        say(f"  No range of travel times: {few}")
        return
    if result["in_force"]:
        say("  Travel times have a range, out of the recorded trips (`gridsvc roads show`).")


def load_place(service: Service, place: DemoPlace, source: str, geodata: Path, seed: int, say: Say) -> dict[str, str]:
    """Load grids, roads, law, teams and addresses of a place into its district; return the teams' names by id."""
    counts = ", ".join(f"{number} {key}" for key, number in place.grid_counts().items())
    say(f"Grids: {counts} ...")
    generations.establish(
        service,
        place.code,
        list(place.grids),
        source={"file": source, "notes": list(place.notes)},
        name=place.name,
        synthetic=place.synthetic,
        time_zone=place.time_zone,
    )
    say(f"Roads: {place.roads.node_count} nodes, {place.roads.arc_count} arcs ...")
    networks.establish(service, place.code, place.roads, source=source)
    units = geodata / "units.toml"
    catalogue, _ = read_catalogue(geodata / "jindong" / "catalogue.toml", units)
    clocks = read_clock_rules(geodata / "clock_policies.toml")
    plans = read_plan_book(geodata / "response_plans", clocks, catalogue, read_units(units))
    crews = raise_crews(place, catalogue, plans, seed)
    say(
        f"Law and teams: {len(plans.plans)} run cards, {len(crews.teams)} teams at {len(crews.stations)} stations, "
        f"{len(place.addresses)} addresses ..."
    )

    def work(connection: Connection) -> None:
        put_law(connection, place.code, catalogue=catalogue, plans=plans, clocks=clocks, source="geodata")
        teams.replace_teams(connection, place.code, crews.stations, crews.teams, crews.station_of)
        addresses.replace_addresses(connection, place.code, gazetteer(place, source))
        replace_features(connection, place.code, place.features, source)

    service.database.run(work)
    with service.database.transaction() as connection:  # its file is there for the first address
        gazetteer_of(service, connection, get_versions(connection, place.code))
    posts = [(f"the demo of {place.code}", post) for post in appoint(place, _since(service, place.code))]
    put_posts(service, place.code, posts, source=source, actor="demo")
    put_calendar(service, place.code, *read_calendar(geodata / "calendar.csv"), actor="demo")
    return {team.id: team.name for team in crews.teams}


def _since(service: Service, code: str) -> date:
    """Return a day before all cases of the past."""
    with service.database.transaction() as connection:
        return get_versions(connection, code).now.date() - timedelta(days=3 * 366)


def gazetteer(place: DemoPlace, source: str) -> list[addresses.Address]:
    """Return addresses and named places as the gazetteer keeps them: a house to 20 m, a place to some hundred."""
    houses = [addresses.Address(a.text, "house", a.lon, a.lat, 20.0, source, a.parts()) for a in place.addresses]
    homes = [addresses.Address(s.name, s.kind, s.lon, s.lat, 800.0, source) for s in place.settlements]
    return houses + homes
