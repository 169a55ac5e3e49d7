"""OGC API - Features, Part 1: Core: the assertions of its abstract test suite (OGC 17-069r4, annex A)."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import jsonschema_rs
import pytest
import shapely
from shapely.geometry import shape

from gridsvc.db.feature_collections import COLLECTIONS
from tests.worlds.district import DISTRICT

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from tests.desk.conftest import Desk

from tests.desk.ogc import NAMES, features, get, link, pages

# --- A.2.1 to A.2.3: landing page, API definition, conformance ------------------------------------------------------


def test_landing_page_links_to_all_that_the_standard_wants(web: TestClient) -> None:
    for path in ("", "/"):
        answer = web.get(f"/ogc{path}")
        assert answer.headers["content-type"] == "application/json"
        body = answer.json()
        for rel in ("self", "service-desc", "conformance", "data"):
            found = link(body, rel)
            assert found is not None, rel
            linked = web.get(found["href"])
            assert linked.status_code == 200
            assert linked.headers["content-type"] == found["type"]


def test_conformance_declares_core_geojson_and_openapi_3(web: TestClient) -> None:
    assert {uri.rsplit("/", 1)[-1] for uri in get(web, "/conformance")["conformsTo"]} == {"core", "geojson", "oas30"}


def test_the_definition_is_openapi_3_0_and_describes_every_path_that_is_served(web: TestClient) -> None:
    document = get(web, "/api")
    assert document["openapi"].startswith("3.0.")
    text = json.dumps(document)
    for name in NAMES:
        assert {
            f"/collections/{name}",
            f"/collections/{name}/items",
            f"/collections/{name}/items/{{featureId}}",
        } <= set(document["paths"])
    references = {each.split('"')[0] for each in text.split('"$ref": "#/')[1:]}
    for reference in references:
        inner: Any = document
        for part in reference.split("/"):
            inner = inner[part]  # every reference leads somewhere
    ids = [operation["get"]["operationId"] for operation in document["paths"].values()]
    assert len(ids) == len(set(ids))
    for path, operation in document["paths"].items():
        named = {each["name"] for each in operation["get"]["parameters"] if each.get("in") == "path"}
        assert named == {part.strip("{}") for part in path.split("/") if part.startswith("{")}
    assert set(web.app.openapi()["paths"]) & {f"/ogc{path}" for path in document["paths"]} == set()  # type: ignore[attr-defined]


def test_bbox_limit_and_datetime_are_declared_as_the_standard_writes_them(web: TestClient) -> None:
    document = get(web, "/api")
    for name, collection in COLLECTIONS.items():
        given = {}
        for each in document["paths"][f"/collections/{name}/items"]["get"]["parameters"]:
            found = document["components"]["parameters"][each["$ref"].rsplit("/", 1)[-1]] if "$ref" in each else each
            given[found["name"]] = found
        bbox = given["bbox"]
        assert (bbox["in"], bbox["required"], bbox["style"], bbox["explode"]) == ("query", False, "form", False)
        assert bbox["schema"]["minItems"] == 4
        assert bbox["schema"]["items"] == {"type": "number"}
        limit = given["limit"]["schema"]
        assert (limit["type"], limit["minimum"], limit["maximum"]) == ("integer", 1, collection.most)
        assert limit["minimum"] <= limit["default"] <= limit["maximum"]
        assert given["datetime"]["schema"]["type"] == "string"


# --- A.2.4 and A.2.5: collections ------------------------------------------------------------------------------------


def test_each_collection_is_listed_as_it_describes_itself(web: TestClient) -> None:
    body = get(web, "/collections")
    assert link(body, "self") is not None
    assert [each["id"] for each in body["collections"]] == list(NAMES)
    for each in body["collections"]:
        assert each == get(web, f"/collections/{each['id']}")
        assert each["itemType"] == "feature"
        items = link(each, "items")
        assert items is not None
        assert items["type"] == "application/geo+json"
        west, south, east, north = each["extent"]["spatial"]["bbox"][0]
        assert 119 < west < east < 120 < north + 91
        assert 29.0 <= south <= north <= 29.3


@pytest.mark.parametrize("name", NAMES)
def test_every_feature_is_in_the_extent(web: TestClient, name: str) -> None:
    extent = get(web, f"/collections/{name}")["extent"]
    west, south, east, north = extent["spatial"]["bbox"][0]
    found = features(web, f"/collections/{name}/items")
    for each in (one for one in found if not shape(one["geometry"]).is_empty):
        left, low, right, high = shape(each["geometry"]).bounds
        assert west <= left
        assert south <= low
        assert right <= east
        assert high <= north
    if "temporal" in extent:
        first, last = (text and datetime.fromisoformat(text) for text in extent["temporal"]["interval"][0])
        field = {"incidents": "reported_at", "service_areas": "drawn_at", "grids": "valid_from"}[name]
        times = [datetime.fromisoformat(each["properties"][field]) for each in found]
        assert (first, last) == (min(times), None if name == "grids" else max(times))


# --- A.2.6 and A.2.7: features ---------------------------------------------------------------------------------------


def test_every_collection_has_what_is_there(web: TestClient, desk: Desk) -> None:
    counts = {name: get(web, f"/collections/{name}/items?limit=1")["numberMatched"] for name in NAMES}
    assert counts == {
        "grids": desk.counts["grid_in_force"], "roads": desk.counts["road_in_force"], "stations": 0,
        "service_areas": desk.counts["service_area_now"], "incidents": 3, "faults": desk.counts["boundary_fault"],
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_pages_are_whole_and_of_the_size_that_was_asked(web: TestClient, name: str) -> None:
    whole = features(web, f"/collections/{name}/items?limit=1000")
    for limit in (1, 2, 5):
        seen = []
        for page in pages(web, f"/collections/{name}/items?limit={limit}"):
            assert page["type"] == "FeatureCollection"
            assert page["numberReturned"] == len(page["features"]) <= limit
            assert page["numberMatched"] == len(whole)
            assert link(page, "self") is not None
            assert link(page, "collection") is not None
            seen += page["features"]
        assert seen == whole  # the same ones, in the same order, whatever the size
    assert len({each["id"] for each in whole}) == len(whole)
    most = COLLECTIONS[name].most
    assert get(web, f"/collections/{name}/items?limit={10 * most}")["numberReturned"] == min(most, len(whole))


@pytest.mark.parametrize("name", NAMES)
def test_features_are_geojson_of_the_declared_shape(web: TestClient, name: str) -> None:
    document = get(web, "/api")
    schema = document["components"]["schemas"][f"feature_{name}"] | {"components": document["components"]}
    text = json.dumps(schema).replace('"nullable": true, "required"', '"required"')
    closed = json.loads(text)
    for each in closed["properties"]["properties"]["properties"].values():
        each["type"] = [each["type"], "null"]  # `nullable` of OpenAPI 3.0 in the words of JSON Schema
    declared = jsonschema_rs.validator_for(closed)
    known = {each.name for each in COLLECTIONS[name].properties}
    for each in features(web, f"/collections/{name}/items"):
        assert [error.message for error in declared.iter_errors(each)] == []
        assert set(each["properties"]) == known
        place = shape(each["geometry"])
        assert place.is_valid
        for part in shapely.get_parts(place):
            if part.geom_type == "Polygon":  # RFC 7946, 3.1.6
                assert part.exterior.is_ccw
                assert not any(hole.is_ccw for hole in part.interiors)
        for value in shapely.get_coordinates(place).ravel().tolist():
            assert value == round(value, 6)


@pytest.mark.parametrize("name", NAMES)
def test_a_feature_by_its_id_is_that_of_the_list(web: TestClient, name: str) -> None:
    for each in features(web, f"/collections/{name}/items")[:5]:
        answer = web.get(f"/ogc/collections/{name}/items/{quote(each['id'], safe='')}")
        assert answer.headers["content-type"] == "application/geo+json"
        one = answer.json()
        assert link(one, "self") is not None
        assert link(one, "collection") is not None
        del one["links"]
        assert one == each


# --- bbox ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_bbox_selects_what_meets_the_box(web: TestClient, name: str) -> None:
    whole = features(web, f"/collections/{name}/items")
    for box in (
        (119.602, 29.05, 119.618, 29.1005),
        (119.5995, 29.09995, 119.6005, 29.10005),
        (119.585, 29.0, 119.78, 29.2),
    ):
        met = {each["id"] for each in features(web, f"/collections/{name}/items?bbox={','.join(map(str, box))}")}
        assert met == {each["id"] for each in whole if shape(each["geometry"]).intersects(shapely.box(*box))}
    tall = features(web, f"/collections/{name}/items?bbox=119.602,29.05,-10,119.618,29.1005,9000")  # with heights
    assert {each["id"] for each in tall} == {
        each["id"] for each in features(web, f"/collections/{name}/items?bbox=119.602,29.05,119.618,29.1005")
    }
    assert get(web, f"/collections/{name}/items?bbox=-150,-50,-149,-49")["features"] == []
    across = get(web, f"/collections/{name}/items?bbox=170,-80,-170,80")  # over the antimeridian, not round the world
    assert across["numberMatched"] == 0


# --- datetime --------------------------------------------------------------------------------------------------------


def test_datetime_selects_by_instant_and_interval(web: TestClient) -> None:
    whole = features(web, "/collections/incidents/items")
    times = {each["id"]: datetime.fromisoformat(each["properties"]["reported_at"]) for each in whole}
    first, middle, last = sorted(times.values())

    def selected(words: str) -> set[str]:
        return {each["id"] for each in features(web, f"/collections/incidents/items?datetime={quote(words)}")}

    def at(moment: datetime) -> str:
        return moment.isoformat().replace("+00:00", "Z")

    assert selected(at(middle)) == {name for name, time in times.items() if time == middle}
    for words, low, high in (
        (f"{at(middle)}/..", middle, None), (f"../{at(middle)}", None, middle), (f"/{at(middle)}", None, middle),
        (f"{at(middle)}/", middle, None), (f"{at(first)}/{at(middle)}", first, middle), ("../..", None, None),
        (f"{at(last + timedelta(seconds=1))}/..", last + timedelta(seconds=1), None),
    ):  # fmt: skip
        wanted = {n for n, time in times.items() if (low is None or time >= low) and (high is None or time <= high)}
        assert selected(words) == wanted, words
    assert selected(first.date().isoformat()) >= {name for name, time in times.items() if time == first}
    assert selected("1950-01-01T00:00:00Z/1950-12-31T00:00:00Z") == set()
    # A collection without a time ignores it.
    whole = get(web, "/collections/roads/items")["numberMatched"]
    assert get(web, "/collections/roads/items?datetime=1950-01-01T00:00:00Z")["numberMatched"] == whole > 0


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=-1", "limit=x", "limit=1.5", "limit=", "limit=²", "bbox=1,2,3", "bbox=a,b,c,d",
        "bbox=1,2,3,4,5", "bbox=1,5,2,4", "bbox=nan,1,2,3", "bbox=1,2,inf,4", "bbox=",
        "datetime=yesterday", "datetime=2026-13-01",
        "datetime=2026-03-01T08:30:00", "datetime=2026-03-02T00:00:00Z/2026-03-01T00:00:00Z", "datetime=a/b/c",
        "datetime=", "datetime=2026-02-30", "nonsense=1", "f=html", "cursor=x", "cursor=WyJhIl0", "cursor=é",
        "number=x", "number=99999999999", "drill=perhaps", "limit=1&limit=2", "status=%00", "bbox-crs=EPSG:4326",
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_query_is_400_with_the_cure(web: TestClient, query: str) -> None:
    body = get(web, f"/collections/incidents/items?{query}", 400)
    assert body["type"].startswith("urn:gridsvc:problem:")
    assert body["detail"].endswith(".")


@pytest.mark.parametrize("path", ["", "/conformance", "/api", "/collections", "/collections/grids", "/styles"])
def test_no_document_takes_an_unknown_parameter(web: TestClient, path: str) -> None:
    assert "nonsense" in get(web, f"{path}?nonsense=1", 400)["detail"]
    get(web, f"{path}?f=json")


@pytest.mark.parametrize(
    "path",
    [
        "/collections/none", "/collections/none/items", "/collections/grids/items/none",
        "/collections/incidents/items/0",
        f"/collections/grids/items/{DISTRICT}-", "/collections/roads/items/330703-99999999999999999999",
        f"/collections/roads/items/{DISTRICT}-0x1", f"/collections/roads/items/{DISTRICT}-01",
        "/collections/stations/items/330703-%00", "/styles/none", "/nothing",
        "/collections/incidents/items/00000000-0000-0000-0000-000000000000",
    ],
)  # fmt: skip
def test_what_is_not_there_is_404(web: TestClient, path: str) -> None:
    get(web, path, 404)
