"""Nothing out of scope is in any body, header, count or tile: every route, with two districts and two scopes.

The routes are those of the OpenAPI: one that is not in WALKED fails the test, so that whoever adds it says how it is
asked. What may not be seen is known by its words: ids and codes, and the names of the second district, which end in a
mark of their own.
"""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime
from itertools import product
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import event

from gridsvc.access.scopes import Right
from gridsvc.api.http.route_rights import ROUTES, right_of
from gridsvc.db.evidence import sealing
from gridsvc.db.feature_collections import COLLECTIONS
from gridsvc.db.session import fast_statements
from gridsvc.db.tiles import LAYERS
from gridsvc.operations.compliance.kept import keep
from gridsvc.operations.compliance.report import Wanted, make_report
from gridsvc.operations.imports.history import load_history
from tests.api.two_districts import MARK, A, B, World
from tests.operations.imports.worlds import MAP, row, written

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    import httpx

TILES = [
    (z, x, y) for z, xs, ys in ((11, range(1703, 1707), range(845, 849)), (9, (426,), (211,))) for x in xs for y in ys
]
SAMPLE = 8  # of the callers' own cases, teams, closures, and as many of the others'
# Parts of a path: the callers' own, the others', and what never was.
BEYOND = "beyond-the-township"
NEVER = str(uuid.uuid5(uuid.NAMESPACE_URL, "never"))
STREAMS: set[tuple[str, str]] = set()  # they do not end; what they may tell is asked where they are tested
WALKED = {
    "DELETE": ("/closures/{closure_id}", "/jobs/{job_id}", "/session", "/generations/{generation}/activation"),
    "GET": (
        "/tiles", "/tiles/{layers}.json", "/tiles/{layers}/{z}/{x}/{y}.mvt", "/incidents", "/incidents/{incident_id}",
        "/incidents/{incident_id}/events",
        "/incidents/{incident_id}/move-ups", "/coverage/now", "/coverage/plans/{plan_id}",
        "/incidents/{incident_id}/considered", "/teams", "/owners", "/grids", "/isochrones", "/routes", "/closures",
        "/response-plans", "/session", "/jobs", "/jobs/{job_id}", "/proposals", "/timers", "/healthz", "/readyz",
        "/metrics", "/service-areas", "/osmand", "/geocode", "/geocode/suggestions", "/compliance",
        "/metrics", "/service-areas", "/osmand", "/compliance",
        "/compliance/causes", "/compliance/late", "/compliance/cells", "/compliance/reports",
        "/compliance/reports/{report_id}", "/compliance/reports/{report_id}/page",
        "/metrics", "/service-areas", "/osmand", "/generations/{generation}/differences", "/grids/{code}/people",
        "/generations",
    ),
    "PATCH": ("/teams/{team_id}",),
    "POST": (
        "/incidents", "/recommendations", "/incidents/{incident_id}/steps", "/incidents/{incident_id}/unmask",
        "/incidents/{incident_id}/names",
        "/incidents/{incident_id}/place", "/incidents/{incident_id}/owner",
        "/incidents/{incident_id}/place/preview", "/incidents/{incident_id}/owner/preview",
        "/teams/{team_id}/datum", "/teams/{team_id}/positions", "/positions", "/positions/traccar", "/osmand",
        "/owners", "/travel-times", "/closures", "/session",
        "/generations/{generation}/activation", "/generations/{generation}/rollback",
        "/coverage/plans", "/pairings", "/devices", "/jobs", "/proposals/{proposal_id}/decision",
    ),
    "PUT": ("/timers",),
}  # fmt: skip


@pytest.fixture(scope="module")
def world(two: World) -> World:
    """The two districts with closures, a job, and a card proposed for a case of every township."""
    for caller, district, reason in (("dispatcher-a", A, "flood"), ("admin-b", B, f"水{MARK}")):
        road = {"geometry": {"type": "Point", "coordinates": _place(two, district)}, "factor": 0, "reason": reason}
        assert two.client(caller).post("/closures", json=road).status_code == 201
    assert two.client("everywhere").post("/jobs", json={"kind": "verify"}).status_code == 202
    for code in (A, B):
        keep(two.service, code, make_report(two.service, code, Wanted()), Wanted(), actor="test")
    import_cases(two)
    two.write(
        "insert into proposal (district, id, kind, incident_id, subject, proposed_at, grounds) select distinct on "
        "(district, township) district, gen_random_uuid(), 'red-card', id, coalesce(handler, 'x'), now(), "
        "jsonb_build_object('step', 'feedback', 'since', now(), 'over_s', 1.5, 'timers', 'x') from incident"
    )
    return two


def import_cases(two: World) -> None:
    """Load an export into either district; the teams of the second, and those beyond the township, have names."""
    places = (
        "select st_x(geom), st_y(geom) from incident where district = :d and (township = :t) = :own order by id limit 1"
    )
    own, other = (tuple(two.rows(places, d=A, t=two.township, own=each)[0]) for each in (True, False))
    for code, rows in ((A, [("own", own), (BEYOND, other)]), (B, [(f"E{MARK}", _place(two, B))])):
        lines = [
            row(f"{code}-{n}", team, n + 1, lon=str(lon), lat=str(lat)) for n, (team, (lon, lat)) in enumerate(rows)
        ]
        path = written(two.service.folder, lines, f"calls-{code}.csv" if code == A else f"{MARK}.csv")
        load_history(two.service, code, path, MAP, actor="test")


def known_routes() -> set[tuple[str, str]]:
    return {(method, path) for method, paths in WALKED.items() for path in paths}


def _place(world: World, district: str) -> list[Any]:
    rows = world.rows("select st_x(geom), st_y(geom) from incident where district = :d order by id limit 1", d=district)
    return list(rows[0])


def ids(world: World, table: str, where: str = "true", column: str = "id", **values: object) -> set[str]:
    return {str(row[0]) for row in world.rows(f"select {column} from {table} where {where}", **values)}


def hidden_words(world: World, caller: str) -> set[str]:
    """What a caller may not see, as words."""
    hidden = {B, MARK}
    for table in ("incident", "team", "incident_event", "engagement", "closure", "proposal"):
        hidden |= ids(world, table, "district = :d", d=B)
    hidden |= ids(world, "job")  # of the whole service
    if caller.startswith("township"):
        hidden.add(BEYOND)
        own = "township = :t"
        beyond = f"district = :d and not coalesce({own}, false)"
        hidden |= ids(world, "incident", beyond, d=A, t=world.township)
        for table in ("incident_event", "proposal"):
            hidden |= ids(
                world, table, f"incident_id in (select id from incident where {beyond})", d=A, t=world.township
            )
        with world.service.database.transaction() as connection:
            from gridsvc.db.access.keys import list_family

            family = set(list_family(connection, A, world.township))
        hidden |= ids(world, "grid", "district = :d", "code", d=A) - family
        reports = world.rows(
            f"select e.body from incident i join incident_event e on e.id = i.report_event and e.district = i.district"
            f" where i.district = :d and {own}",
            d=A,
            t=world.township,
        )
        on_case = {each["team_id"] for (body,) in reports for each in _proposed(json.loads(body)["data"]["decision"])}
        on_case |= ids(
            world, "engagement", f"incident_id in (select id from incident where {own})", "team_id", t=world.township
        )
        others = "district = :d and roster ->> 'township' <> :t"
        hidden |= ids(world, "team", others, d=A, t=world.township) - on_case
    return hidden


def _proposed(decision: dict[str, Any]) -> Iterator[dict[str, Any]]:
    told = decision["recommendation"]
    team = [each for each in (told["lead"], *told["members"]) if each]
    yield from filter(None, [*team, decision["handler"]])
    yield from (slot["substitute"] for slot in (*told["unfilled"], *team) if slot.get("substitute"))


def requests_of(
    world: World, caller: str
) -> Iterator[tuple[tuple[str, str], str, dict[str, Any], dict[str, Any] | None, bool]]:
    """Yield (route, path, query, body, is_foreign) for every route of the OpenAPI and those of the screen."""
    parts = {
        "incident_id": ids(world, "incident"),
        "team_id": ids(world, "team"),
        "closure_id": ids(world, "closure"),
        "proposal_id": ids(world, "proposal"),
        "job_id": ids(world, "job"),
        "report_id": ids(world, "compliance_report"),
        "layers": [*LAYERS, ",".join(LAYERS)],
        "generation": {"1"},
        "code": ids(world, "grid", column="code"),
    }
    others = ("incident_id", "team_id", "closure_id", "proposal_id")
    foreign = {name: ids(world, name[:-3], "district = :d", d=B) for name in others} | {"job_id": parts["job_id"]}
    # A report is of a whole district: a caller of a township sees none.
    hidden_reports = "district = district" if caller.startswith("township") else "district = :d"
    foreign["report_id"] = ids(world, "compliance_report", hidden_reports, d=B)
    foreign["code"] = ids(world, "grid", "district = :d", "code", d=B)
    paths = world.app.openapi()["paths"]
    documented = {(method.upper(), path): what for path, methods in paths.items() for method, what in methods.items()}
    screen: dict[tuple[str, str], dict[str, Any]] = {
        ("GET", path): {} for path in ("/", "/screen/facts", "/screen/cases", "/screen/search", "/ogc/collections")
    }
    screen |= {("GET", f"/ogc/collections/{name}/items"): {} for name in COLLECTIONS}
    for (method, path), what in (documented | screen).items():
        if (method, path) in STREAMS:
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
            for query, body in _asked(world, caller, method, path, what):
                yield (method, path), path.format(**chosen), query, body, is_foreign


def _some(all_: Iterable[str], foreign: Collection[str]) -> list[str]:
    own = sorted(set(all_) - set(foreign))
    return own[:: max(1, len(own) // SAMPLE)] + sorted(foreign)[:SAMPLE]


def _asked(
    world: World, caller: str, method: str, path: str, what: dict[str, Any]
) -> Iterable[tuple[dict[str, Any], dict[str, Any] | None]]:
    here = _place(world, A)
    point = {"lon": here[0], "lat": here[1]}
    queries: list[dict[str, Any]] = [{}, {"district": A}, {"district": B}, {"limit": 1000}, {"owner": world.township}]
    bodies: list[Any] = [None]
    if method == "GET":
        if path in {"/owners", "/isochrones"}:
            queries = [point | {"minutes": "5"}, point | {"radius_m": 20_000, "minutes": 5}]
        elif path == "/routes":
            ends = (here, _place(world, B), *_township_places(world))
            names = ("from_lon", "from_lat", "to_lon", "to_lat")
            queries = [dict(zip(names, (*here, *end), strict=True)) for end in ends]
        elif path == "/service-areas":
            teams = [min(ids(world, "team", "district = :d", d=code)) for code in (A, B)]
            queries = [
                {},
                {"district": A},
                {"district": B},
                *({"team_id": team} for team in teams),
            ]
        elif path == "/osmand":
            queries = [_station(world, code) for code in (A, B)]
        elif path == "/proposals":
            queries += [{"all": True}]
        elif path == "/compliance":
            queries += [{"imported": True, "by": "team", "district": code} for code in (A, B)]
        elif path.startswith("/geocode"):
            texts = [
                world.rows("select text from address where district = :d order by id limit 1", d=code)[0][0]
                for code in (A, B)
            ]
            texts += [row[0] for row in world.rows("select distinct name from grid where level = 2 order by name")]
            queries = [{"q": each} for each in (*texts, "桥头", "义乌")] + [{"q": texts[0], "district": B}]
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
        bodies += [
            {"type": kind, "address": row[0]}
            for row in world.rows("select text from address where district = :d order by id limit 2", d=B)
        ]
    elif path == "/owners":
        xs, ys = zip(*([here, _place(world, B), *_township_places(world)]), strict=True)
        bodies = [{"lon": list(xs), "lat": list(ys)}]
    elif path == "/travel-times":
        bodies = [{"origins": [here], "destinations": [_place(world, B)]}]
    elif path == "/session":
        bodies = [{"key": world.keys[caller]}] if method == "POST" else [None]
    elif path == "/pairings":
        bodies = [{}, *({"team_id": min(ids(world, "team", "district = :d", d=code))} for code in (A, B))]
    elif path == "/jobs":
        bodies = [{"kind": "verify"}]
    elif path == "/coverage/plans":
        bodies = [{"district": code, "scenario": {"model": "mclp", "p": 2}} for code in (A, B)]
    elif path.startswith("/generations/"):
        bodies = [{"district": code} for code in (A, B)]
    elif path.endswith("/decision"):
        bodies = [{"decision": "accepted"}]
    elif path.endswith("/steps"):
        bodies = [{"step": "accept"}, {"step": "assign"}, {"step": "nonsense"}]
    elif path.endswith(("/place", "/place/preview")):
        places = [here, _place(world, B), *_township_places(world)]
        why = {} if path.endswith("/preview") else {"reason": "x"}
        bodies = [{"location": {"lon": x, "lat": y, "radius_m": 900}, **why} for x, y in places]
    elif path.endswith(("/owner", "/owner/preview")):
        grids = [min(ids(world, "grid", "district = :d and level = 2", "code", d=code)) for code in (A, B)]
        why = {} if path.endswith("/preview") else {"reason": "x"}
        bodies = [{"code": code, **why} for code in (*grids, world.township)]
    elif path == "/positions":
        at = datetime.now(UTC).isoformat()
        # each at its station, so that what is recommended stays the same
        stations = world.rows(
            "select id::text, (roster->>'lon')::float8, (roster->>'lat')::float8 from team order by id"
        )
        bodies = [[{"team_id": t, "lon": x, "lat": y, "at": at} for t, x, y in [*stations, (NEVER, *here)]]]
    elif path == "/osmand":
        queries = [_station(world, code) for code in (A, B)]
    elif path == "/positions/traccar":
        sent = [_station(world, code) for code in (A, B)]
        bodies = [
            {"position": {"longitude": each["lon"], "latitude": each["lat"]}, "device": {"uniqueId": each["id"]}}
            for each in sent
        ]
    elif path.endswith("/positions"):
        bodies = [point]
    elif path.endswith("/datum"):
        bodies = [{"datum": "wgs84"}]
    elif path == "/teams/{team_id}":
        bodies = [{"on_duty": True}]
    elif path == "/closures":
        geometry = {"type": "Point", "coordinates": here}
        bodies = [{"geometry": geometry, "factor": 0.5, "reason": "x", "district": code} for code in (A, B)]
    elif path == "/timers":
        queries = [{"district": B}]
        bodies = [{"rules": [], "holidays": []}]
    else:
        bodies = [_example(what, world)]
    return product(queries, bodies)


def _station(world: World, district: str) -> dict[str, Any]:
    """A team of a district, at its station."""
    query = (
        "select id::text, (roster->>'lon')::float8, (roster->>'lat')::float8 from team where district = :d order by id"
    )
    team, lon, lat = world.rows(query + " limit 1", d=district)[0]
    return {"id": team, "lon": lon, "lat": lat}


def _township_places(world: World) -> list[list[Any]]:
    return [
        list(row)
        for row in world.rows(
            "select distinct on (township) st_x(geom), st_y(geom) from incident where district = :d"
            " order by township, id",
            d=A,
        )
    ]


def _example(what: dict[str, Any], world: World) -> Any:
    try:
        schema = what["requestBody"]["content"]["application/json"]["schema"]
    except KeyError:
        return None
    if "$ref" in schema:
        schema = world.app.openapi()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return schema.get("examples", [{}])[0]


def heard(answer: httpx.Response) -> bytes:
    """Everything that an answer says: status line, headers, body (decompressed)."""
    return "\n".join(f"{name}: {value}" for name, value in answer.headers.items()).encode() + b"\n" + answer.content


def words_sent(body: Any) -> set[str]:
    """The values of a body, of each row of one, and of what is in it."""
    if isinstance(body, list):
        return set().union(*map(words_sent, body))
    if not isinstance(body, dict):
        return set()
    return {str(value) for value in body.values()}.union(*map(words_sent, body.values()))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("caller", ["admin-a", "township-admin"])
def test_nothing_out_of_scope_is_in_any_answer(world: World, caller: str) -> None:
    hidden = {word.encode() for word in hidden_words(world, caller)}
    client = world.client(caller)
    walked: set[tuple[str, str]] = set()
    statuses: dict[int, list[str]] = {}
    for route, path, query, body, is_foreign in requests_of(world, caller):
        method = route[0]
        answer = client.request(method, path, params=query, json=body)
        walked.add(route)
        statuses.setdefault(answer.status_code, []).append(f"{method} {path} {query} {body}")
        said = heard(answer)
        for word in {path, *map(str, query.values()), *words_sent(body)}:
            said = said.replace(word.encode(), b"")  # what was asked may be repeated
        for part in path.split("/"):
            said = said.replace(part.encode(), b"") if len(part) > 30 or route[1] == "/grids/{code}/people" else said
        leaks = [word.decode() for word in hidden if word in said]
        assert not leaks, f"{method} {path} {query} {body}: {leaks[:3]} in {said[:2000]!r}"
        if is_foreign and body != {"step": "nonsense"}:
            assert answer.status_code == 404, f"{method} {path} {query} {body}: {answer.status_code}"
    assert not [told for status, told in statuses.items() if status >= 500]
    assert {200, 201, 204, 404} <= set(statuses)
    assert known_routes() <= walked


def test_no_route_is_left_out_of_the_walk(world: World) -> None:
    paths = world.app.openapi()["paths"]
    documented = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert documented - known_routes() == STREAMS, "say in WALKED and `_asked` how a new route is asked"
    assert known_routes() - documented == set()


def test_every_route_has_its_right(world: World) -> None:
    missing = [
        (method.upper(), path)
        for path, methods in world.app.openapi()["paths"].items()
        for method in methods
        if (method.upper(), path) not in ROUTES
    ]
    assert missing == [], "a route without a row in gridsvc/api/rights.py is for administrators alone"
    assert right_of("GET", "/nobody/thought/of/it") == Right.KEYS


@pytest.mark.parametrize("caller", ["dispatcher-a", "township", "admin-b"])
def test_counts_are_of_what_is_there_for_the_caller(world: World, caller: str) -> None:
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
    assert {case["id"] for case in client.get("/screen/search").json()["items"]} <= cases
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
def test_another_s_case_takes_the_same_questions_as_one_that_never_was(
    world: World, monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: dict[str, Any] | None
) -> None:
    """No answer and no clock tells them apart: the same words, after the same statements."""
    foreign = min(ids(world, "incident", "district = :d", d=B))
    client = world.client("dispatcher-a")
    statements: list[str] = []
    engine = world.service.database._pool

    straight = psycopg.Connection.execute

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    def execute(connection: psycopg.Connection[Any], query: Any, *values: Any, **more: Any) -> Any:
        statements.append(str(query))
        return straight(connection, query, *values, **more)

    def ask(case: str) -> tuple[int, str, list[str]]:
        client.get("/session")  # whatever is due for the caller himself is done
        statements.clear()
        answer = client.request(method, path.format(case), json=body)
        told = answer.text.replace(case, "ID")
        return answer.status_code, told, [s for s in statements if "access_version" not in s]

    together = fast_statements.run_pipeline  # type: ignore[attr-defined]

    def pipeline(driver: psycopg.Connection[Any], batch: Any, prepared: Any) -> Any:
        statements.extend(query for query, _ in batch)
        return together(driver, batch, prepared)

    ask(NEVER)
    monkeypatch.setattr(psycopg.Connection, "execute", execute)
    monkeypatch.setattr(fast_statements, "run_pipeline", pipeline)
    event.listen(engine, "before_cursor_execute", note)
    try:
        unknown, others = ask(NEVER), ask(foreign)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert others == unknown
    assert others[0] == 404
    assert any(" incident " in statement for statement in others[2]), "the database was asked"


def test_a_report_from_beyond_the_grid_is_taken_and_told_no_more(world: World) -> None:
    """R10: it is never refused; it is its owner's."""
    case = world.rows(
        "select type, st_x(geom), st_y(geom), township from incident"
        " where district = :d and township <> :t and urgency = 'emergency' order by id limit 1",
        d=A,
        t=world.township,
    )[0]
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


def test_the_law_sends_the_same_teams_whoever_asks(world: World) -> None:
    case = world.rows(
        "select type, st_x(geom), st_y(geom) from incident where district = :d and township = :t"
        " and urgency = 'emergency' order by id limit 1",
        d=A,
        t=world.township,
    )[0]
    body = {"type": case[0], "location": {"lon": case[1], "lat": case[2]}}
    whole = world.client("dispatcher-a").post("/recommendations", json=body).json()["recommendation"]
    part = world.client("township").post("/recommendations", json=body).json()["recommendation"]
    assert part["lead"] == whole["lead"]
    assert part["members"] == whole["members"]
    seen = {each["team_id"] for each in part["considered"]}
    assert seen <= {each["team_id"] for each in whole["considered"]}
    assert whole["considered_counts"]
    assert part["considered_counts"] == {}
    assert seen <= {team["id"] for team in world.client("township").get("/teams").json()["items"]}


def test_a_caller_of_a_grid_reads_that_a_proposal_was_decided(world: World) -> None:
    proposal = str(uuid.uuid4())
    world.write(
        "insert into proposal (district, id, kind, incident_id, subject, proposed_at, grounds)"
        f" select district, '{proposal}', 'red-card', id, 'x', now(),"
        " jsonb_build_object('step', 'feedback', 'since', now(), 'over_s', 1.5, 'timers', 'x') from incident"
        f" where district = '{A}' and township = '{world.township}' order by id limit 1"
    )
    ((case,),) = world.rows("select incident_id from proposal where id = :id", id=proposal)
    decision = {"decision": "rejected", "reason": "flood"}
    assert world.client("dispatcher-a").post(f"/proposals/{proposal}/decision", json=decision).status_code == 200
    events = world.client("township").get(f"/incidents/{case}/events")
    assert events.status_code == 200
    assert "rejected" in [event["data"].get("decision") for event in events.json()["items"]]


def test_what_happens_in_another_township_changes_no_figure_of_a_caller_of_one(world: World) -> None:
    """Neither /metrics nor the positions of events count the district for them."""

    def figures(caller: str) -> dict[str, str]:
        lines = world.client(caller).get("/metrics").text.splitlines()
        found = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: value for name, value in found.items() if "age" not in name and "info" not in name}

    case, kind_, lon, lat = world.rows(
        "select id, type, st_x(geom), st_y(geom) from incident where district = :d and township <> :t"
        " and urgency = 'emergency' order by id limit 1",
        d=A,
        t=world.township,
    )[0]
    before, whole = figures("township-admin"), figures("admin-a")
    assert before["gridsvc_open_cases"] != whole["gridsvc_open_cases"]
    body = {"type": kind_, "location": {"lon": lon, "lat": lat}}
    assert world.client("dispatcher-a").post("/incidents", json=body).status_code == 201
    sealing.seal_all(world.service.database)
    assert figures("admin-a")["gridsvc_events_sealed"] != whole["gridsvc_events_sealed"]
    assert figures("township-admin") == before
    assert not {"gridsvc_events_sealed", "gridsvc_database_bytes", "gridsvc_jobs_waiting"} & set(before)
    own = world.rows("select id from incident where district = :d and township = :t limit 1", d=A, t=world.township)
    seen = world.client("township").get(f"/incidents/{own[0][0]}/events").json()["items"]
    assert {event["position"] for event in seen} == {None}
    all_seen = world.client("dispatcher-a").get(f"/incidents/{case}/events").json()["items"]
    assert None not in {event["position"] for event in all_seen}
