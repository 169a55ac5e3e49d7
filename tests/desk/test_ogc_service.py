"""What OGC API - Features leaves open and clients need: stable pages, scopes, filters, ETag, gzip, CORS, the style."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from gridsvc.access.hosts import read_origins
from gridsvc.access.scopes import Role
from gridsvc.api.app import create_app
from gridsvc.errors import InvalidInput
from gridsvc.operations.access import keys
from tests.conftest import PROJECT
from tests.worlds import toy
from tests.worlds.district import DISTRICT

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.desk.conftest import Desk

from tests.desk.ogc import ORIGIN, features, get, link


def test_properties_select_features(web: TestClient) -> None:
    assert {each["properties"]["code"] for each in features(web, "/collections/grids/items?level=township")} == {
        toy.T1, toy.T2, toy.T3,
    }  # fmt: skip
    one = features(web, "/collections/grids/items?level=village&code=V3&derived=false")
    assert [each["id"] for each in one] == [f"{DISTRICT}-V3"]
    assert get(web, "/collections/grids/items?district=999999")["numberMatched"] == 0
    statuses = {each["properties"]["status"] for each in features(web, "/collections/incidents/items")}
    assert statuses == {"cancelled", "assigned", "triggered"}
    (cancelled,) = features(web, "/collections/incidents/items?status=cancelled")
    number = cancelled["properties"]["number"]
    assert [each["id"] for each in features(web, f"/collections/incidents/items?number={number}")] == [cancelled["id"]]


def test_pages_go_on_when_features_come_and_go(web: TestClient, desk: Desk) -> None:
    first = get(web, "/collections/grids/items?limit=2&level=village")
    following = link(first, "next")
    assert following is not None
    with desk.service.database.transaction() as connection:  # a grid before the cursor goes
        connection.exec_driver_sql("update grid set code = 'ZZ' where code = 'V1' and generation = 1")
    try:
        rest = web.get(following["href"]).json()["features"]
        assert [each["properties"]["code"] for each in rest] == ["V3", "V4"]
    finally:
        with desk.service.database.transaction() as connection:
            connection.exec_driver_sql("update grid set code = 'V1' where code = 'ZZ'")


def test_an_answer_has_an_etag_and_is_sent_once(web: TestClient) -> None:
    for path in ("", "/api", "/collections", "/collections/grids/items", f"/collections/grids/items/{DISTRICT}-V1"):
        first = web.get(f"/ogc{path}")
        etag = first.headers["etag"]
        assert etag.startswith('W/"')
        again = web.get(f"/ogc{path}", headers={"If-None-Match": f'"x", {etag}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert web.get(f"/ogc{path}", headers={"If-None-Match": '"x"'}).status_code == 200


def test_large_answers_are_compressed(web: TestClient) -> None:
    def sent(encoding: str) -> httpx.Response:
        found: httpx.Response = web.get("/ogc/collections/roads/items", headers={"Accept-Encoding": encoding})
        return found

    packed, plain = sent("gzip"), sent("identity")
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 3
    assert packed.json() == plain.json()


def test_only_listed_origins_may_read_and_only_maps(web: TestClient) -> None:
    def asked(path: str, origin: str, method: str = "GET", **headers: str) -> httpx.Response:
        found: httpx.Response = web.request(method, path, headers={"Origin": origin, **headers})
        return found

    for path in ("/ogc", "/ogc/collections/grids/items", "/tiles", "/tiles/grids.json"):
        allowed = asked(path, ORIGIN)
        assert allowed.headers["access-control-allow-origin"] == ORIGIN
        assert "Origin" in allowed.headers["vary"]
        assert "access-control-allow-credentials" not in allowed.headers
        assert allowed.headers["cross-origin-resource-policy"] == "cross-origin"
        other = asked(path, "https://evil.example")
        assert "access-control-allow-origin" not in other.headers
        assert other.headers["cross-origin-resource-policy"] == "same-origin"
        preflight = asked(path, ORIGIN, "OPTIONS", **{"Access-Control-Request-Method": "GET"})
        assert preflight.status_code == 204
        assert "Authorization" in preflight.headers["access-control-allow-headers"]
        assert (
            asked(path, "https://evil.example", "OPTIONS", **{"Access-Control-Request-Method": "GET"}).status_code
            == 405
        )
    for path in ("/incidents", "/ogcx", "/teams"):
        assert "access-control-allow-origin" not in asked(path, ORIGIN).headers


@pytest.mark.parametrize("text", ["*", "map.example.cn", "https://a/b", "ftp://a", "https://u@a", "null"])
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="no origin"):
        read_origins(f"https://good.example, {text}")
    assert read_origins(" https://A.example/ ,http://b:8080") == {"https://a.example", "http://b:8080"}


def test_a_key_of_one_township_sees_its_own(desk: Desk) -> None:
    made = {
        name: keys.add_key(desk.service, f"ogc {name}", Role.PLANNER, district=DISTRICT, grid=grid).text
        for name, grid in (("whole", None), ("township", toy.T2))
    }
    with TestClient(create_app(desk.service), base_url="http://localhost") as web:
        assert web.get("/ogc").status_code == 401

        def seen(who: str, name: str) -> dict[str, dict[str, Any]]:
            web.headers["Authorization"] = f"Bearer {made[who]}"
            return {each["id"]: each["properties"] for each in features(web, f"/collections/{name}/items?limit=5")}

        family = {toy.T2, "R1", "A2", "A3", "V2", "V3"}
        assert {each["code"] for each in seen("township", "grids").values()} == family
        assert {each["township"] for each in seen("township", "incidents").values()} == {toy.T2}
        assert len(seen("whole", "incidents")) == 3
        faults = seen("township", "faults")
        assert len(faults) < len(seen("whole", "faults"))
        assert all(set(each["codes"]) <= family for each in faults.values())
        hidden = set(seen("whole", "incidents")) - set(seen("township", "incidents"))
        assert hidden
        web.headers["Authorization"] = f"Bearer {made['township']}"
        for each in hidden:
            get(web, f"/collections/incidents/items/{each}", 404)
        get(web, f"/collections/grids/items/{DISTRICT}-{toy.T3}", 404)


def test_the_style_is_valid_and_draws_layers_that_there_are(web: TestClient, tmp_path: Path) -> None:
    (listed,) = get(web, "/styles")["styles"]
    answer = web.get(listed["links"][0]["href"])
    assert answer.headers["content-type"] == "application/vnd.mapbox.style+json"
    style = answer.json()
    sources = {}
    for name, source in style["sources"].items():
        tilejson = web.get(source["url"]).json()
        sources[name] = {each["id"]: set(each["fields"]) for each in tilejson["vector_layers"]}
    for layer in style["layers"][1:]:
        fields = sources[layer["source"]][layer["source-layer"]]
        named = {part.split('"')[0] for part in json.dumps(layer).split('["get", "')[1:]}
        assert named <= fields, layer["id"]
    node = shutil.which("node") or str(PROJECT / ".venv" / "node" / "bin" / "node")
    spec = PROJECT / "node_modules" / "@maplibre" / "maplibre-gl-style-spec" / "dist" / "index.mjs"
    if not spec.exists() or shutil.which(node) is None:
        pytest.skip("the map library is not installed: ./run setup")
    file = tmp_path / "style.json"
    file.write_text(json.dumps(style))
    code = (
        f"import {{ validateStyleMin }} from {json.dumps(spec.as_uri())};"
        f"import {{ readFileSync }} from 'node:fs';"
        f"const wrong = validateStyleMin(JSON.parse(readFileSync({json.dumps(str(file))}, 'utf8')));"
        "console.log(wrong.map(each => each.message).join('\\n'));"
    )
    done = subprocess.run([node, "--input-type=module", "-e", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
