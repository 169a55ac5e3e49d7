"""Nothing out of scope is in any body, header, count or tile: every route, with two districts and two scopes.

The routes come out of the OpenAPI, so that a new one is walked, too. What may not be seen is known by its words: ids
and codes, and the names of the second district, which end in a mark of their own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from itertools import product

import psycopg
import pytest
from sqlalchemy import event

from gridsvc.api.rights import ROUTES, right_of
from gridsvc.db.tiles import LAYERS
from tests.api.two_districts import MARK, A, B, World, two_districts

TILES = [(z, x, y) for z, xs, ys in ((11, range(1703, 1707), range(845, 849)), (9, (426,), (211,)))
         for x in xs for y in ys]  # fmt: skip
SAMPLE = 8  # of the callers' own cases, teams, closures, and as many of the others'
# Parts of a path: the callers' own, the others', and what never was.
NEVER = str(uuid.uuid5(uuid.NAMESPACE_URL, "never"))
STREAMS = {"/events"}  # they do not end; what they may tell is asked where the feed is tested


@pytest.fixture(scope="module")
def world():
    with two_districts() as world:
        world.client("dispatcher-a").post(
            "/closures",
            json={"geometry": {"type": "Point", "coordinates": _place(world, A)}, "factor": 0, "reason": "flood"},
        )
        world.client("admin-b").post(
            "/closures",
            json={"geometry": {"type": "Point", "coordinates": _place(world, B)}, "factor": 0, "reason": f"水{MARK}"},
        )
        yield world


def _place(world, district):
    rows = world.rows("select st_x(geom), st_y(geom) from incident where district = :d order by id limit 1", d=district)
    return list(rows[0])


def ids(world, table, where="true", column="id", **values):
    return {str(row[0]) for row in world.rows(f"select {column} from {table} where {where}", **values)}


def hidden_words(world: World, caller: str) -> set[str]:
    """What a caller may not see, as words."""
    hidden = {B, MARK}
    for table in ("incident", "team", "incident_event", "engagement", "closure"):
        hidden |= ids(world, table, "district = :d", d=B)
    if caller.startswith("township"):
        own = "township = :t"
        beyond = f"district = :d and not coalesce({own}, false)"
        hidden |= ids(world, "incident", beyond, d=A, t=world.township)
        hidden |= ids(world, "incident_event", f"incident_id in (select id from incident where {beyond})", d=A,
                      t=world.township)  # fmt: skip
        with world.service.database.transaction() as connection:
            from gridsvc.db.access import list_family

            family = set(list_family(connection, A, world.township))
        hidden |= ids(world, "grid", "district = :d", "code", d=A) - family
        theirs = world.rows(f"select details from incident where district = :d and {own}", d=A, t=world.township)
        on_case = {each["team_id"] for (details,) in theirs for each in _proposed(details)}
        on_case |= ids(world, "engagement", f"incident_id in (select id from incident where {own})", "team_id",
                       t=world.township)  # fmt: skip
        others = "district = :d and roster ->> 'township' <> :t"
        hidden |= ids(world, "team", others, d=A, t=world.township) - on_case
    return hidden


def _proposed(details):
    told = details["recommendation"]
    yield from filter(None, [told["lead"], details["handler"], *told["members"]])
    yield from (slot["substitute"] for slot in told["unfilled"] if slot.get("substitute"))


def requests_of(world: World):
    """Yield (method, path, query, body, is_foreign) for every route of the OpenAPI and those of the screen."""
    parts = {
        "incident_id": ids(world, "incident"),
        "team_id": ids(world, "team"),
        "closure_id": ids(world, "closure"),
        "layers": [*LAYERS, ",".join(LAYERS)],
    }
    foreign = {name: ids(world, name[:-3], "district = :d", d=B) for name in ("incident_id", "team_id", "closure_id")}
    paths = world.app.openapi()["paths"]
    documented = {(method.upper(), path): what for path, methods in paths.items() for method, what in methods.items()}
    screen = {("GET", path): {} for path in ("/", "/screen/facts", "/screen/cases")}
    for (method, path), what in (documented | screen).items():
        if path in STREAMS or path in {"/session", "/devices"}:
            continue
        names = re.findall(r"{(\w+)}", path)
        if "z" in names:
            drawn = product(parts["layers"], TILES)
            choices = [{"layers": layer, "z": z, "x": x, "y": y} for layer, (z, x, y) in drawn]
        else:
            values = [[*_some(parts.get(name, set()), foreign.get(name, set())), NEVER] for name in names]
            choices = [dict(zip(names, chosen, strict=True)) for chosen in product(*values)]
        for chosen in choices:
            is_foreign = any(str(value) in foreign.get(name, ()) for name, value in chosen.items())
            for query, body in _asked(world, method, path, what):
                yield method, path.format(**chosen), query, body, is_foreign


def _some(all_, foreign):
    own = sorted(set(all_) - foreign)
    return own[:: max(1, len(own) // SAMPLE)] + sorted(foreign)[:SAMPLE]


def _asked(world, method, path, what):
    here = _place(world, A)
    point = {"lon": here[0], "lat": here[1]}
    queries = [{}, {"district": A}, {"district": B}, {"limit": 1000}, {"owner": world.township}]
    bodies = [None]
    if method == "GET":
        if path in {"/owners", "/isochrones"}:
            queries = [point | {"minutes": "5"}, point | {"radius_m": 20_000, "minutes": 5}]
        elif path == "/timers":
            queries = [{"district": A}, {"district": B}]
        elif path == "/incidents":
            queries += [{"bbox": "119,28,121,30"}, {"status": "archived"}, {"late": True}, {"class": "urban"}]
        return product(queries if "{" not in path else [{}], bodies)
    queries = [{}]
    if path in {"/incidents", "/recommendations"}:
        kind = world.rows("select type from incident where district = :d order by id limit 1", d=A)[0][0]
        places = [here, _place(world, B), *_township_places(world)]
        bodies = [{"type": kind, "location": {"lon": x, "lat": y}} for x, y in places]
        bodies += [{"type": kind, "location": {"lon": x, "lat": y, "radius_m": 5000}} for x, y in places[:3]]
        bodies += [{"type": kind, "address": row[0]} for row in
                   world.rows("select text from address where district = :d order by id limit 2", d=B)]  # fmt: skip
    elif path == "/owners":
        xs, ys = zip(*([here, _place(world, B), *_township_places(world)]), strict=True)
        bodies = [{"lon": list(xs), "lat": list(ys)}]
    elif path == "/travel-times":
        bodies = [{"origins": [here], "destinations": [_place(world, B)]}]
    elif path.endswith("/steps"):
        bodies = [{"step": "accept"}, {"step": "assign"}, {"step": "nonsense"}]
    elif path.endswith("/positions"):
        bodies = [point]
    elif path == "/closures":
        geometry = {"type": "Point", "coordinates": here}
        bodies = [{"geometry": geometry, "factor": 0.5, "reason": "x", "district": code} for code in (A, B)]
    elif path == "/timers":
        queries = [{"district": B}]
        bodies = [{"rules": [], "holidays": []}]
    else:
        bodies = [_example(what, world)]
    return product(queries, bodies)


def _township_places(world):
    return [
        list(row)
        for row in world.rows("select distinct on (township) st_x(geom), st_y(geom) from incident where district = :d"
                              " order by township, id", d=A)
    ]  # fmt: skip


def _example(what, world):
    try:
        schema = what["requestBody"]["content"]["application/json"]["schema"]
    except KeyError:
        return None
    if "$ref" in schema:
        schema = world.app.openapi()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return schema.get("examples", [{}])[0]


def heard(answer) -> bytes:
    """Everything that an answer says: status line, headers, body (decompressed)."""
    return "\n".join(f"{name}: {value}" for name, value in answer.headers.items()).encode() + b"\n" + answer.content


@pytest.mark.timeout(900)
@pytest.mark.parametrize("caller", ["admin-a", "township-admin"])
def test_nothing_out_of_scope_is_in_any_answer(world, caller):
    hidden = {word.encode() for word in hidden_words(world, caller)}
    client = world.client(caller)
    walked, statuses = set(), {}
    for method, path, query, body, is_foreign in requests_of(world):
        answer = client.request(method, path, params=query, json=body)
        walked.add((method, path))
        statuses.setdefault(answer.status_code, []).append(f"{method} {path} {query} {body}")
        said = heard(answer)
        for word in {path, *map(str, query.values()), *map(str, (body or {}).values())}:
            said = said.replace(word.encode(), b"")  # what was asked may be repeated
        for part in path.split("/"):
            said = said.replace(part.encode(), b"") if len(part) > 30 else said
        leaks = [word.decode() for word in hidden if word in said]
        assert not leaks, f"{method} {path} {query} {body}: {leaks[:3]} in {said[:2000]!r}"
        if is_foreign and body != {"step": "nonsense"}:
            assert answer.status_code == 404, f"{method} {path} {query} {body}: {answer.status_code}"
    assert not [told for status, told in statuses.items() if status >= 500]
    assert {200, 201, 204, 404} <= set(statuses)
    assert len(walked) > 150


def test_every_route_has_its_right(world):
    missing = [
        (method.upper(), path)
        for path, methods in world.app.openapi()["paths"].items()
        for method in methods
        if (method.upper(), path) not in ROUTES
    ]
    assert missing == [], "a route without a row in gridsvc/api/rights.py is for administrators alone"
    assert right_of("GET", "/nobody/thought/of/it").name == "KEYS"


@pytest.mark.parametrize("caller", ["dispatcher-a", "township", "admin-b"])
def test_counts_are_of_what_is_there_for_the_caller(world, caller):
    district = B if caller == "admin-b" else A
    own = "district = :d" + (" and township = :t" if caller == "township" else "")
    values = {"d": district} | ({"t": world.township} if caller == "township" else {})
    cases = ids(world, "incident", own, **values)
    client = world.client(caller)
    found, after = [], None
    while True:
        page = client.get("/incidents", params={"limit": 7} | ({"after": after} if after else {})).json()
        found += [case["id"] for case in page["items"]]
        if (after := page["next"]) is None:
            break
    assert sorted(found) == sorted(cases)
    assert {case["id"] for case in client.get("/screen/cases").json()["items"]} <= cases
    grids = {grid["code"] for grid in client.get("/grids").json()["items"]}
    assert (world.township in grids) == (district == A)
    assert all(code.startswith(district) for code in grids)
    if caller == "township":
        levels = client.get("/screen/facts").json()["districts"][0]["levels"]
        assert levels["township"]["grids"] == levels["regional"]["grids"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/incidents/{}", None),
        ("GET", "/incidents/{}/events", None),
        ("POST", "/incidents/{}/steps", {"step": "accept"}),
        ("POST", "/incidents/{}/unmask", {"why": "x"}),
    ],
)
def test_another_s_case_takes_the_same_questions_as_one_that_never_was(world, monkeypatch, method, path, body):
    """No answer and no clock tells them apart: the same words, after the same statements."""
    foreign = min(ids(world, "incident", "district = :d", d=B))
    client = world.client("dispatcher-a")
    statements: list[str] = []
    engine = world.service.database._pool

    straight = psycopg.Connection.execute

    def note(_connection, _cursor, statement, *_more):
        statements.append(statement)

    def execute(connection, query, *values, **more):
        statements.append(str(query))
        return straight(connection, query, *values, **more)

    def ask(case):
        client.get("/session")  # whatever is due for the caller himself is done
        statements.clear()
        answer = client.request(method, path.format(case), json=body)
        told = answer.text.replace(case, "ID")
        return answer.status_code, told, [s for s in statements if "access_version" not in s]

    ask(NEVER)
    monkeypatch.setattr(psycopg.Connection, "execute", execute)
    event.listen(engine, "before_cursor_execute", note)
    try:
        unknown, others = ask(NEVER), ask(foreign)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert others == unknown
    assert others[0] == 404
    assert any(" incident " in statement for statement in others[2]), "the database was asked"


@pytest.mark.parametrize("words", [["grids", "list"], ["grids", "export", "FILE"], ["grids", "check"]])
def test_a_command_for_one_district_tells_of_that_district(world, tmp_path, words):
    file = tmp_path / "out.geojson"
    told = [str(file) if word == "FILE" else word for word in words]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRIDSVC_")}
    environment |= {"GRIDSVC_DATA": str(world.service.folder)}
    done = subprocess.run([sys.executable, "-m", "gridsvc", *told, "--district", A, "--json"], env=environment,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = done.stdout + (file.read_text(encoding="utf-8") if file.exists() else "")
    assert json.loads(done.stdout)
    assert f'"{B}' not in said
    assert MARK not in said


def test_a_report_from_beyond_the_grid_is_taken_and_told_no_more(world):
    """R10: it is never refused; it is its owner's."""
    case = world.rows(
        "select type, st_x(geom), st_y(geom), township from incident"
        " where district = :d and township <> :t and urgency = 'emergency' order by id limit 1",
        d=A, t=world.township,
    )[0]  # fmt: skip
    body = {"type": case[0], "location": {"lon": case[1], "lat": case[2]}}
    answer = world.client("township").post("/incidents", json=body)
    assert answer.status_code == 201
    told = answer.json()
    assert told["ownership"]["rule"] == "outside-scope"
    assert set(told["owners"].values()) == {None}
    assert told["recommendation"]["considered"] == []
    assert world.client("township").get(f"/incidents/{told['id']}").status_code == 404
    whole = world.client("dispatcher-a").get(f"/incidents/{told['id']}").json()
    assert whole["owners"]["township"]["code"] == case[3]
    assert whole["recommendation"]["considered"]


def test_the_law_sends_the_same_teams_whoever_asks(world):
    case = world.rows(
        "select type, st_x(geom), st_y(geom) from incident where district = :d and township = :t"
        " and urgency = 'emergency' order by id limit 1",
        d=A, t=world.township,
    )[0]  # fmt: skip
    body = {"type": case[0], "location": {"lon": case[1], "lat": case[2]}}
    whole = world.client("dispatcher-a").post("/recommendations", json=body).json()["recommendation"]
    part = world.client("township").post("/recommendations", json=body).json()["recommendation"]
    assert part["lead"] == whole["lead"]
    assert part["members"] == whole["members"]
    seen = {each["team_id"] for each in part["considered"]}
    assert seen < {each["team_id"] for each in whole["considered"]}
    assert seen <= {team["id"] for team in world.client("township").get("/teams").json()["items"]}
