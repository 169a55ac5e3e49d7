"""The landmark of the question (R3) out of the named features of a district."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import pytest

from gridsvc.access.scopes import Caller, Role, Scope
from gridsvc.cases.decide import Report
from gridsvc.db.grids.layout import list_outlines
from gridsvc.db.grids.versions import get_versions
from gridsvc.db.places.features import list_features, list_features_in, replace_features
from gridsvc.operations.cases.read import get_case
from gridsvc.operations.cases.report import report_incident
from gridsvc.operations.coverage.demand import EmergencyPlaces
from gridsvc.operations.evidence.replay import replay
from gridsvc.operations.grids import generations
from gridsvc.operations.places import owners
from gridsvc.operations.places.geocode import geocode_text
from gridsvc.operations.places.in_force import list_indexes
from gridsvc.operations.places.questions import Around, landmarks_of
from tests.operations.places.world import DISTRICT, MIDDLE, XIAOSHUN, grids, line, spot
from tests.worlds.district import open_toy, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from gridsvc.operations.runtime.service import Service
    from gridsvc.places.features import NamedFeature

RIVER = line("武义江", "river", (MIDDLE, 29.0), (MIDDLE + 0.0002, 29.1), (MIDDLE, 29.2))
CIRCLE = (MIDDLE, 29.1, 400.0)
BOX = (MIDDLE - 0.005, 29.095, MIDDLE + 0.005, 29.105)


@pytest.fixture(scope="module")
def service(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The district on paper, where a river runs along the border of the two townships."""
    with scratch_database(cluster) as url:
        service = open_toy(url, tmp_path_factory.mktemp("questions"))
        generations.establish(service, DISTRICT, grids(), source={"toy": True}, synthetic=True)
        put(service, RIVER, spot("太阳殿", 119.61))
        yield service
        service.database.close()


def put(service: Service, *features: NamedFeature) -> None:
    service.database.run(lambda connection: replace_features(connection, DISTRICT, features, "a.osm.pbf"))


def test_what_was_loaded_is_read_back(service: Service) -> None:
    with service.database.transaction() as connection:
        assert list_features(connection, DISTRICT) == [spot("太阳殿", 119.61), RIVER]
        assert list_features_in(connection, DISTRICT, BOX) == [RIVER]
        assert list_features_in(connection, DISTRICT, (119.60, 29.09, 119.62, 29.11)) == [spot("太阳殿", 119.61)]


def test_another_district_sees_none_of_them(service: Service) -> None:
    other = service.seen_by(Caller("Chen", Role.DISPATCHER, Scope("330702")))
    with other.database.transaction() as connection:
        assert list_features(connection, DISTRICT) == []
        assert list_outlines(connection) == []


def test_the_caller_is_asked_for_their_side_of_the_river(service: Service) -> None:
    place = Report(type="leak", lon=MIDDLE, lat=29.1, radius_m=400.0)
    case: dict[str, Any] = json.loads(report_incident(service, place, actor="test").body)
    asked = case["ownership"]["question"]
    assert (asked["by"], asked["name"]) == ("river", "武义江")
    assert {each["en"]: each["owners"]["township"]["name"] for each in asked["choices"]} == {
        "west": "孝顺镇", "east": "傅村镇",
    }  # fmt: skip
    found = owners.locate(list_indexes(service), *CIRCLE[:2], radius_m=400.0, around=Around(service))
    assert found.question is not None
    assert found.question.as_json() == asked


def test_shares_by_demand_are_kept_with_the_case_and_decide_nothing(service: Service) -> None:
    """30 past emergencies within 400 m of the border, 27 of them in 傅村镇, where only half of the area is."""
    with service.database.transaction() as connection:
        now = get_versions(connection, DISTRICT).now
    east, west = MIDDLE + 0.001, MIDDLE - 0.001
    past = EmergencyPlaces(np.array([east, west, 119.61]), np.full(3, 29.1), np.array([27, 3, 500]))
    service.remember("emergency places", DISTRICT, (now.replace(hour=0, minute=0, second=0, microsecond=0), past))
    place = Report(type="leak", lon=MIDDLE - 0.0005, lat=29.1, radius_m=400.0)
    case: dict[str, Any] = json.loads(report_incident(service, place, actor="test").body)
    told = case["ownership"]
    assert (told["by"], told["emergencies"]) == ("area", 30)
    assert {each["owners"]["township"]["name"]: each["demand_share"] for each in told["shares"]} == {
        "傅村镇": 0.9, "孝顺镇": 0.1,
    }  # fmt: skip
    assert sum(each["share"] for each in told["shares"]) == pytest.approx(1)
    assert case["owners"]["township"]["name"] == "孝顺镇"  # by area
    assert get_case(service, UUID(case["id"]))["ownership"] == told
    nothing = EmergencyPlaces(past.lon[:0], past.lat[:0], past.cases[:0])
    service.remember("emergency places", DISTRICT, (now, nothing))
    assert replay(service, UUID(case["id"])).same
    officer = service.seen_by(Caller("Chen", Role.OFFICER, Scope(DISTRICT, XIAOSHUN)))
    own, beyond = get_case(officer, UUID(case["id"]))["ownership"]["shares"]
    assert (own["demand_share"], beyond["demand_share"], set(beyond["owners"].values())) == (0.1, 0.9, {None})


def test_a_named_place_is_found_by_its_name(service: Service) -> None:
    (best, *_) = geocode_text(service, "太阳殿旁边着火了").found
    assert (best.candidate.level, best.candidate.township, best.candidate.confirm) == ("place", "孝顺镇", False)
    put(service, RIVER)
    assert geocode_text(service, "太阳殿旁边着火了").found == ()
    put(service, RIVER, spot("太阳殿", 119.61))


def test_only_what_is_near_is_a_landmark() -> None:
    far = line("梅溪", "stream", (119.6, 29.0), (119.61, 29.0))
    bent = line("梅溪", "stream", (119.6, 29.1), (MIDDLE, 29.1), (119.7, 29.0))
    points = [spot("太阳殿", MIDDLE + 0.001), spot("月亮殿", MIDDLE + 0.01), spot("小店", MIDDLE), spot("小店", 119.61)]
    found = landmarks_of([far, bent, RIVER, *points], CIRCLE, BOX)
    assert [(each.name, each.by) for each in found] == [("梅溪", "river"), ("武义江", "river"), ("太阳殿", "place")]
    assert found[0].segments is not None
    assert len(found[0].segments) == 2  # of the bent stream, both pieces pass the box; the far one is none
    assert found[1].rank < found[0].rank < found[2].rank
