"""A fuzz of scope: random callers ask random things of two districts, and hear of nothing that is not theirs.

Callers are made up of a role and a grid of any level of either district; routes, ids, boxes, filters and cursors are
drawn from both. Three oracles: no word of what is hidden (ids, codes, names with the second district's mark) in status,
headers or body; what is another's answers as what never was; and what others do changes nothing that a caller sees.
"""

from __future__ import annotations

import json
import random
import re
import uuid
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from gridsvc.access.scopes import Role
from gridsvc.db.access.keys import list_family
from gridsvc.db.tiles import LAYERS
from gridsvc.operations.access import keys
from tests.api.test_scope import words_sent
from tests.api.two_districts import MARK, A, B

if TYPE_CHECKING:
    from collections.abc import Iterable

    import httpx
    from starlette.testclient import TestClient

    from tests.api.two_districts import World

SEED = 20261124
LEVELS = ("regional", "township", "area", "village")
SKIPPED = {"/events", "/session", "/devices", "/pairings", "/keys", "/jobs", "/openapi.json"}
_WORD = re.compile(r"[\w-]+")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Caller:
    """One caller: his key, and as words what is not there for him."""

    def __init__(self, world: World, dice: random.Random) -> None:
        self.district = dice.choice([A, B])
        self.level = dice.choice([None, *LEVELS])
        self.grid = None
        if self.level is not None:
            owned = f"select distinct {self.level} from incident where district = :d and {self.level} is not null"
            self.grid = dice.choice(sorted(row[0] for row in world.rows(owned, d=self.district)))
        self.role = dice.choice(list(Role))
        key = keys.add_key(world.service, f"fuzz {dice.random()}", self.role, district=self.district, grid=self.grid)
        self.web = world.client(key=key.text)
        self.look(world)

    def look(self, world: World) -> None:
        """Read again what is hidden: others report meanwhile."""
        other = B if self.district == A else A
        self.hidden = {B, MARK} if self.district == A else set()
        for table in ("incident", "team", "incident_event", "engagement", "closure"):
            self.hidden |= _ids(world, f"select id from {table} where district = :d", d=other)
        if self.grid is not None:
            beyond = f"select id from incident where district = :d and {self.level} is distinct from :g"
            self.hidden |= (hidden_cases := _ids(world, beyond, d=self.district, g=self.grid))
            for table in ("incident_event", "engagement"):
                self.hidden |= _ids(
                    world, f"select id from {table} where incident_id in ({beyond})", d=self.district, g=self.grid
                )
            with world.service.database.transaction() as connection:
                family = set(list_family(connection, self.district, self.grid))
            self.hidden |= _ids(world, "select code from grid where district = :d", d=self.district) - family
        else:
            hidden_cases = set()
        self.hidden_cases = hidden_cases | _ids(world, "select id from incident where district = :d", d=other)

    def leak(self, said: str) -> str | None:
        """A word of what is hidden that stands in an answer, else None."""
        if self.district == A and (found := re.search(rf"(?<![\d.]){B}|{MARK}", said)):
            return found[0]
        return next(iter(self.hidden & set(_WORD.findall(said))), None)

    def __str__(self) -> str:
        return f"{self.role} of {self.grid or self.district}"


def _ids(world: World, sql: str, **values: object) -> set[str]:
    return {str(row[0]) for row in world.rows(sql, **values)}


class Ground:
    """What requests are made of: the routes, and every id, code and cursor of both districts."""

    def __init__(self, world: World) -> None:
        paths = world.app.openapi()["paths"]
        self.routes = sorted(
            (method.upper(), path)
            for path, methods in paths.items()
            for method in methods
            if path not in SKIPPED and "{job_id}" not in path and "{key_id}" not in path
        )
        self.routes += [("GET", "/screen/facts"), ("GET", "/screen/cases"), ("GET", "/screen/search")]
        self.parameters = {
            (method.upper(), path): [each["name"] for each in what.get("parameters", []) if each["in"] == "query"]
            for path, methods in paths.items()
            for method, what in methods.items()
        }
        self.cases = sorted(_ids(world, "select id from incident"))
        self.ids = (
            self.cases + sorted(_ids(world, "select id from team")) + sorted(_ids(world, "select id from closure"))
        )
        self.grids = sorted(_ids(world, "select code from grid"))
        self.texts = sorted(_ids(world, "select text from address limit 200"))
        self.types = sorted(_ids(world, "select distinct type from incident"))
        pages = world.client("everywhere").get("/incidents", params={"limit": 3}).json()
        self.cursors = [pages["next"]]
        self.box = world.rows(
            "select min(st_x(geom)), min(st_y(geom)), max(st_x(geom)), max(st_y(geom)) from incident"
        )[0]

    def point(self, dice: random.Random) -> tuple[float, float]:
        west, south, east, north = self.box
        return dice.uniform(west - 0.05, east + 0.05), dice.uniform(south - 0.05, north + 0.05)

    def word(self, dice: random.Random, name: str) -> Any:
        """A value for a parameter: mostly one that could be meant."""
        x, y = self.point(dice)
        u, v = self.point(dice)
        values: dict[str, list[Any]] = {
            "district": [A, B],
            "owner": self.grids,
            "limit": [1, 7, 1000],
            "after": self.cursors,
            "lon": [x],
            "lat": [y],
            "bbox": [f"{min(x, u)},{min(y, v)},{max(x, u)},{max(y, v)}"],
            "status": ["archived", "triggered"],
            "class": ["urban", "rural"],
            "minutes": ["5", "5,15"],
            "radius_m": [10, 20_000],
            "late": [True, False],
            "waiting": [True, False],
            "level": list(LEVELS),
            "team_id": self.ids,
            "incident_id": self.cases,
            "from": [f"{x},{y}"],
            "to": [f"{u},{v}"],
            "datum": ["WGS-84", "GCJ-02"],
        }
        meant = values.get(name, [self.grids[0], "x"])
        return dice.choice(meant) if dice.random() < 0.95 else dice.choice(["", "é" * 9, -1, str(uuid.UUID(int=1))])

    def request(self, dice: random.Random) -> tuple[str, str, dict[str, Any], Any]:
        """Return (method, path, query, body) of one request."""
        method, path = dice.choice(self.routes)
        if dice.random() < 0.3:  # what is asked most is asked more
            method, path = dice.choice(
                [
                    ("GET", "/incidents"),
                    ("GET", "/incidents/{incident_id}"),
                    ("GET", "/incidents/{incident_id}/events"),
                    ("GET", "/teams"),
                ]
            )
        parts: dict[str, list[Any]] = {
            "incident_id": self.cases,
            "layers": [*LAYERS, ",".join(LAYERS)],
            "z": [9, 11, 13],
            "x": [426, 1704, 1705, 6818],
            "y": [211, 846, 847, 3388],
        }
        filled = re.sub(r"{(\w+)[^}]*}", lambda name: str(dice.choice(parts.get(name[1], self.ids))), path)
        names = self.parameters.get((method, path), [])
        query = {name: self.word(dice, name) for name in names if dice.random() < 0.5 or name in {"lon", "lat"}}
        return method, filled, query, None if method in {"GET", "DELETE"} else self.body(dice, path)

    def body(self, dice: random.Random, path: str) -> Any:
        x, y = self.point(dice)
        u, v = self.point(dice)
        place = {"lon": x, "lat": y}
        if path in {"/incidents", "/recommendations"}:
            where: dict[str, Any] = dice.choice(
                [{"location": place}, {"location": place | {"radius_m": 3000}}, {"address": dice.choice(self.texts)}]
            )
            return {"type": dice.choice(self.types)} | where
        if path == "/owners":
            return {"lon": [x, u], "lat": [y, v]}
        if path == "/travel-times":
            return {"origins": [[x, y]], "destinations": [[u, v]]}
        if path.endswith("/steps"):
            step = dice.choice(["accept", "assign", "handle", "cancel", "acknowledge", "on_scene", "clear"])
            return {"step": step} | ({"team_id": dice.choice(self.ids)} if dice.random() < 0.4 else {})
        if path == "/positions":
            at = datetime.now(UTC).isoformat()
            return [place | {"team_id": team, "at": at} for team in dice.choices(self.ids, k=5)]
        if path.endswith("/positions"):
            return place
        if path.endswith("/datum"):
            return {"datum": dice.choice(["wgs84", "x"])}
        if path == "/closures":
            geometry = {"type": "Point", "coordinates": [x, y]}
            return {"geometry": geometry, "factor": 0.5, "reason": "x", "district": dice.choice([A, B])}
        return {"why": "x", "decision": "accept", "name": "x"}


def heard(answer: httpx.Response, asked: Iterable[str]) -> str:
    """Everything that an answer says, without what was asked."""
    said = "\n".join(f"{name}: {value}" for name, value in answer.headers.items()) + "\n" + answer.text
    for word in sorted(asked, key=len, reverse=True):
        said = said.replace(word, "") if word else said
    return said


def alike(answer: httpx.Response) -> tuple[int, dict[str, str], str]:
    """An answer without ids, times and its own number."""
    headers = {k: v for k, v in answer.headers.items() if k not in {"x-request-id", "date", "content-length"}}
    return answer.status_code, headers, _ID.sub("ID", answer.text)


def fuzz(world: World, seed: int, callers: int, requests: int) -> Counter[int]:
    """Send random requests of random callers; return how many got which answer."""
    dice = random.Random(seed)
    statuses: Counter[int] = Counter()
    leaks: list[str] = []
    unlike: list[str] = []
    for _ in range(callers):
        caller, ground = Caller(world, dice), Ground(world)
        for _ in range(requests):
            method, path, query, body = ground.request(dice)
            answer = caller.web.request(method, path, params=query, json=body)
            statuses[answer.status_code] += 1
            asked = {*path.split("/"), *map(str, query.values()), *words_sent(body)}
            if found := caller.leak(heard(answer, asked)):
                leaks.append(f"{caller}: {method} {path} {query} {body}: {found} ({answer.status_code})")
            foreign = next((part for part in path.split("/") if part in caller.hidden_cases), None)
            if foreign is not None:
                never = path.replace(foreign, str(uuid.UUID(int=dice.getrandbits(122) | 1 << 126)))
                other = caller.web.request(method, never, params=query, json=body)
                if alike(answer) != alike(other):
                    unlike.append(f"{caller}: {method} {path} {body}: {alike(answer)} and {alike(other)}")
    assert leaks == [], "\n".join(leaks[:5])
    assert unlike == [], "\n".join(unlike[:3])
    assert not [status for status in statuses if status >= 500], statuses
    return statuses


@pytest.mark.timeout(600)
def test_random_callers_hear_of_nothing_that_is_not_theirs(two: World) -> None:
    statuses = fuzz(two, SEED, callers=6, requests=80)
    assert {200, 403, 404, 422} <= set(statuses)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [1, 2])
def test_random_callers_hear_of_nothing_that_is_not_theirs_for_long(two: World, seed: int) -> None:
    statuses = fuzz(two, seed, callers=60, requests=150)
    assert sum(statuses.values()) >= 9000


_MOVING = re.compile(r"(age|_at$|^now$|^at$|lag|late)")


def _still(value: Any) -> Any:
    """JSON without what changes by itself."""
    if isinstance(value, dict):
        return {key: _still(each) for key, each in value.items() if not _MOVING.search(key)}
    return [_still(each) for each in value] if isinstance(value, list) else value


def seen_by(client: TestClient) -> dict[str, str]:
    """What a caller sees of everything, by route."""
    routes = (
        "/screen/facts",
        "/screen/cases",
        "/screen/search",
        "/incidents?limit=1000",
        "/teams",
        "/grids",
        "/closures",
        "/response-plans",
        "/tiles",
        "/tiles/incidents.json",
        "/proposals",
    )
    return {route: json.dumps(_still(client.get(route).json()), sort_keys=True) for route in routes}


@pytest.mark.timeout(300)
def test_what_others_do_changes_nothing_that_a_caller_sees(two: World) -> None:
    """Reports, orders and closures of the second district, and the counts of the first are what they were."""
    world = two
    callers = {name: world.client(name) for name in ("dispatcher-a", "admin-a", "township", "township-admin")}
    before = {name: seen_by(client) for name, client in callers.items()}
    busy = world.client("admin-b")
    kinds = sorted(_ids(world, "select distinct type from incident"))
    places = world.rows("select st_x(geom), st_y(geom) from incident where district = :d order by id limit 6", d=B)
    done = []
    for n, (x, y) in enumerate(places):
        body = {"type": kinds[n % len(kinds)], "location": {"lon": x, "lat": y}}
        made = busy.post("/incidents", json=body)
        done.append(made.status_code)
        if made.status_code == 201 and made.json()["district"] == B:
            done.append(busy.post(f"/incidents/{made.json()['id']}/steps", json={"step": "assign"}).status_code)
    geometry = {"type": "Point", "coordinates": list(places[0])}
    done.append(busy.post("/closures", json={"geometry": geometry, "factor": 0, "reason": "x"}).status_code)
    assert 201 in done
    after = {name: seen_by(client) for name, client in callers.items()}
    assert [
        (name, route) for name in before for route in before[name] if before[name][route] != after[name][route]
    ] == []
