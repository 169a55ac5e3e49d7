"""`datetime` on the grids: what was in force then, as is known now, held against the answers to `as_of`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import shapely
from shapely.geometry import shape
from starlette.testclient import TestClient

from gridsvc.api.app import create_app
from gridsvc.db.grids import generations as store
from gridsvc.db.grids.versions import ensure_district
from gridsvc.db.session.connection import Database
from gridsvc.grids.levels import Grid, Level
from gridsvc.operations.grids import generations
from gridsvc.operations.runtime.service import Service
from tests.desk.ogc import features, get, pages
from tests.worlds.district import DISTRICT, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.db.cluster.embedded import EmbeddedCluster

ITEMS = "/collections/grids/items"
YEARS = {year: datetime(year, 1, 1, tzinfo=UTC) for year in range(2018, 2025)}

# One border moves from year to year, so that a generation is told by its areas; the third takes the place of the second
# from before its beginning on. A roll-back of today puts the second in force after all.
BORDERS = {1: 119.70, 2: 119.71, 3: 119.72}
BEGINS = {1: YEARS[2019], 2: YEARS[2022], 3: YEARS[2021]}


def halves(number: int) -> list[Grid]:
    border = BORDERS[number]
    west, east = shapely.box(119.6, 29.0, border, 29.2), shapely.box(border, 29.0, 119.8, 29.2)
    return [
        Grid("W", f"西{number}", Level.TOWNSHIP, None, west),
        Grid("E", "东", Level.TOWNSHIP, None, east),
    ]


@pytest.fixture(scope="module")
def service(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with scratch_database(cluster) as url:
        opened = Service(Database(url), tmp_path_factory.mktemp("past"))

        for number in BORDERS:

            def draft(connection: Any) -> None:
                ensure_district(connection, DISTRICT)
                made = store.open_draft(connection, DISTRICT, of=None, source={})
                store.write_grids(connection, DISTRICT, made.number, halves(made.number), levels=Level)

            opened.database.run(draft)
            generations.activate(opened, DISTRICT, number, at=BEGINS[number])
        generations.rollback(opened, DISTRICT)
        yield opened
        opened.database.close()


@pytest.fixture(scope="module")
def web(service: Service) -> Iterator[TestClient]:
    with TestClient(create_app(service, sign_in=False), base_url="http://localhost") as client:
        yield client


def at(moment: datetime) -> str:
    return quote(moment.isoformat().replace("+00:00", "Z"))


def seen(web: TestClient, words: str) -> set[tuple[int, str]]:
    return {(each["properties"]["generation"], each["properties"]["code"]) for each in features(web, f"{ITEMS}{words}")}


def of(*numbers: int) -> set[tuple[int, str]]:
    return {(number, code) for number in numbers for code in "WE"}


def test_an_instant_shows_what_the_log_says_was_in_force(web: TestClient, service: Service) -> None:
    tick = timedelta(microseconds=1)
    told = set()
    for moment in [*YEARS.values(), *(begin - tick for begin in BEGINS.values()), datetime(2060, 1, 1, tzinfo=UTC)]:
        with service.database.transaction() as connection:
            number = store.find_in_force(connection, DISTRICT, as_of=moment)
        assert seen(web, f"?datetime={at(moment)}") == (set() if number is None else of(number)), moment
        told.add(number)
    assert told == {None, 1, 3, 2}
    assert seen(web, f"?datetime={at(YEARS[2023])}") == of(3)  # not 2: what was recorded after it begins before it


def test_an_interval_shows_all_that_were_in_force_within_it_with_their_ends(web: TestClient) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    for words, numbers in (
        (f"{at(YEARS[2018])}/{at(YEARS[2020])}", {1}),
        (f"{at(YEARS[2020])}/{at(YEARS[2021])}", {1, 3}),  # the end of an interval belongs to it
        (f"{at(YEARS[2021])}/{at(YEARS[2023])}", {3}),  # the end of a grid's time does not
        (f"../{at(YEARS[2018])}", set()),
        (f"../{at(YEARS[2019])}", {1}),
        (f"{at(YEARS[2023])}/..", {3, 2}),
        (f"{at(soon)}/..", {2}),
        ("../..", {1, 3, 2}),
        ("2020-06-30", {1}),
    ):
        assert seen(web, f"?datetime={words}") == of(*numbers), words
    whole = features(web, f"{ITEMS}?datetime=../..")
    for each in whole:
        border = BORDERS[each["properties"]["generation"]]
        assert border in shape(each["geometry"]).bounds
        assert each["properties"]["valid_until"] is None or datetime.fromisoformat(
            each["properties"]["valid_from"]
        ) < datetime.fromisoformat(each["properties"]["valid_until"])
    spans = sorted({(e["properties"]["valid_from"], e["properties"]["valid_until"] or "") for e in whole})
    assert [first for first, _ in spans[1:]] == [end for _, end in spans[:-1]]  # without a hole, without an overlap
    assert (datetime.fromisoformat(spans[0][0]), spans[-1][1]) == (YEARS[2019], "")


def test_without_a_time_what_is_in_force_now_has_the_ids_that_it_always_had(web: TestClient) -> None:
    now = features(web, ITEMS)
    assert {each["id"] for each in now} == {f"{DISTRICT}-W", f"{DISTRICT}-E"}
    assert {each["properties"]["generation"] for each in now} == {2}
    assert now == features(web, f"{ITEMS}?datetime={at(datetime.now(UTC))}")


def test_a_grid_of_the_past_is_a_feature_of_its_own(web: TestClient) -> None:
    whole = features(web, f"{ITEMS}?datetime=../..")
    assert len({each["id"] for each in whole}) == len(whole) == 6
    for each in whole:
        one = get(web, f"{ITEMS}/{quote(each['id'], safe='')}")
        del one["links"]
        assert one == each
    by_twos = [each for page in pages(web, f"{ITEMS}?datetime=../..&limit=2") for each in page["features"]]
    assert by_twos == whole
    assert {each["id"] for each in features(web, f"{ITEMS}?datetime=../..&code=W")} == {
        each["id"] for each in whole if each["properties"]["code"] == "W"
    }
    get(web, f"{ITEMS}/{DISTRICT}-W%400", 404)


def test_the_time_of_the_collection_is_open(web: TestClient) -> None:
    ((first, last),) = get(web, "/collections/grids")["extent"]["temporal"]["interval"]
    assert (datetime.fromisoformat(first), last) == (YEARS[2019], None)
