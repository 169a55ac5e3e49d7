"""Addresses over a database: looked up, reported, learned, in a file; the gazetteer is stored and kept up to date."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from gridsvc.access.scopes import RIGHTS, Caller, Role, Scope
from gridsvc.cases.decide import Report
from gridsvc.db.evidence.sealing import seal_all
from gridsvc.db.grids.addresses import Address, replace_addresses
from gridsvc.errors import Conflict, InvalidInput, NotFound
from gridsvc.operations.cases.preview import recommend
from gridsvc.operations.cases.read import get_case
from gridsvc.operations.cases.report import report_incident
from gridsvc.operations.evidence import erasure
from gridsvc.operations.evidence.replay import replay
from gridsvc.operations.evidence.verify import verify
from gridsvc.operations.grids import generations
from gridsvc.operations.places import learned
from gridsvc.operations.places.files import geocode_file
from gridsvc.operations.places.geocode import geocode_text, shown, suggest_text
from tests.operations.places.world import DISTRICT, FUCUN, XIAOSHUN, addresses, grids
from tests.worlds.district import open_toy, report, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from gridsvc.operations.runtime.service import Service

HOUSE = "孝顺镇站前路12号"


@pytest.fixture(scope="module")
def service(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The district on paper with Chinese names and addresses; what one test adds the next one finds."""
    with scratch_database(cluster) as url:
        service = open_toy(url, tmp_path_factory.mktemp("geocode"))
        generations.establish(service, DISTRICT, grids(), source={"toy": True}, synthetic=True)
        service.database.run(lambda connection: replace_addresses(connection, DISTRICT, addresses()))
        yield service
        service.database.close()


def reported(service: Service, address: str, kind: str = "leak") -> dict[str, Any]:
    done = report_incident(service, Report(type=kind, address=address), actor="test")
    assert done.status == 201
    answer: dict[str, Any] = json.loads(done.body)
    return answer


def best(service: Service, text: str) -> tuple[str, str | None, float]:
    first = geocode_text(service, text).found[0].candidate
    return first.level, first.township, first.confidence


# ------------------------------------------------------------------------------------------------------------- look-ups


def test_a_known_house_may_be_acted_on(service: Service) -> None:
    found = geocode_text(service, f"金东区{HOUSE}")
    first = found.found[0].candidate
    assert (first.level, first.lon, first.lat, first.township, first.village) == (
        "house", 119.61, 29.10, "孝顺镇", "浦口村委会",
    )  # fmt: skip
    assert not found.confirm
    assert found.as_json()["question"] is None


def test_what_lies_elsewhere_is_not_here(service: Service) -> None:
    found = geocode_text(service, "义乌市佛堂镇")
    assert found.confirm
    assert all(each.candidate.confidence < 0.8 for each in found.here)


def test_suggestions_are_places_that_begin_so(service: Service) -> None:
    names = [each.candidate.name for each in suggest_text(service, "低田")]
    assert names[0].startswith("低田")
    assert suggest_text(service, "  ") == []


def test_a_text_that_is_empty_or_endless_is_refused(service: Service) -> None:
    for text, kind in (("  ", "empty-address"), ("路" * 501, "address-too-long")):
        with pytest.raises(InvalidInput) as refused:
            geocode_text(service, text)
        assert refused.value.kind == kind
    with pytest.raises(NotFound):
        geocode_text(service, HOUSE, district="999999")


def test_a_damaged_file_of_the_gazetteer_is_made_again(service: Service) -> None:
    geocode_text(service, HOUSE)
    stored = sorted((service.folder / "derived").glob("*.gazetteer"))
    assert stored
    for path in stored:
        path.write_bytes(path.read_bytes()[:-40])
    service.cache.forget("gazetteer")
    assert best(service, HOUSE)[0] == "house"


def test_new_addresses_are_found_at_once(service: Service) -> None:
    new = Address("傅村镇新街7号", "house", 119.68, 29.05, 20.0, "new.csv", {"street": "新街", "house": "7号"})
    service.database.run(lambda connection: replace_addresses(connection, DISTRICT, [*addresses(), new]))
    found = geocode_text(service, "傅村镇新街7号").found[0].candidate
    assert (found.level, found.lon, found.township) == ("house", 119.68, "傅村镇")
    service.database.run(lambda connection: replace_addresses(connection, DISTRICT, addresses()))
    assert geocode_text(service, "傅村镇新街7号").found[0].candidate.lon != 119.68


# -------------------------------------------------------------------------------------------------------------- reports


def test_a_report_at_a_known_house_is_taken_there(service: Service) -> None:
    case = reported(service, HOUSE)
    road = case["location"].pop("road")
    assert case["location"] == {"lon": 119.61, "lat": 29.1, "radius_m": 20.0}
    assert (road["level"], road["offroad_m"]) == ("surface", 0)
    assert case["owners"]["village"]["code"] == "V1"
    assert case["address"]["confirm"] is False
    assert case["address"]["candidates"] == []


def test_a_township_alone_owns_the_case(service: Service) -> None:
    case = reported(service, "傅村镇")
    assert (case["owners"]["township"]["code"], case["address"]["grid"]) == (FUCUN, FUCUN)
    assert sum(share["share"] for share in case["ownership"]["shares"]) == pytest.approx(1)
    village = reported(service, "孝顺镇低田村")
    assert village["owners"]["village"]["code"] == "V2"
    assert case["address"]["confirm"] is village["address"]["confirm"] is False


def test_a_doubtful_address_is_a_question_and_the_case_is_there(service: Service) -> None:
    """R10: an emergency is taken; the place is marked, with the candidates to choose from."""
    two = [
        Address("傅村镇新街9号", "house", 119.68, 29.05, 20.0, "new.csv", {"street": "新街", "house": "9号"}),
        Address("孝顺镇新街9号", "house", 119.62, 29.05, 20.0, "new.csv", {"street": "新街", "house": "9号"}),
    ]
    service.database.run(lambda connection: replace_addresses(connection, DISTRICT, [*addresses(), *two]))
    case = reported(service, "新街9号")
    asked = case["address"]
    assert asked["confirm"] is True
    assert asked["confidence"] < 0.8
    assert asked["question"] == "which-township"
    assert {each["township"] for each in asked["candidates"]} == {"孝顺镇", "傅村镇"}
    assert (asked["candidates"][0]["lon"], asked["candidates"][0]["lat"]) == (
        case["location"]["lon"], case["location"]["lat"],
    )  # fmt: skip
    assert get_case(service, UUID(case["id"]))["address"] == asked
    preview: Any = recommend(service, Report(type="leak", address="新街9号"))
    assert preview["address"] == asked
    service.database.run(lambda connection: replace_addresses(connection, DISTRICT, addresses()))


@pytest.mark.parametrize(("text", "kind"), [("义乌市佛堂镇", "address-elsewhere"), ("zzqq 99", "unknown-address")])
def test_without_a_place_there_is_no_case(service: Service, text: str, kind: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        reported(service, text)
    assert refused.value.kind == kind
    assert refused.value.parameters["address"] == text


def test_cases_by_address_are_replayed_after_the_addresses_have_changed(service: Service) -> None:
    cases = [UUID(reported(service, text)["id"]) for text in (HOUSE, "傅村镇", "孝顺镇低田村")]
    service.database.run(lambda connection: replace_addresses(connection, DISTRICT, []))
    try:
        for case in cases:
            assert replay(service, case).same
    finally:
        service.database.run(lambda connection: replace_addresses(connection, DISTRICT, addresses()))


# -------------------------------------------------------------------------------------------------------- learned names


def test_a_learned_name_asks_until_another_person_confirms_it(service: Service) -> None:
    case = UUID(report(service, "leak", km=3.0))
    once = learned.learn_name(service, case, " 红旗老供销社 ", actor="Chen")
    assert (once["name"], once["persons"], once["acted_on"]) == ("红旗老供销社", 1, False)
    assert learned.learn_name(service, case, "红旗老供销社", actor="Chen")["persons"] == 1
    assert best(service, "红旗老供销社")[2] < 0.8
    assert reported(service, "红旗老供销社")["address"]["candidates"][0]["name"] is None
    other = UUID(report(service, "noise", km=3.1))
    assert learned.learn_name(service, other, "红旗老供销社", actor="Lin")["acted_on"] is True
    level, township, confidence = best(service, "红旗老供销社")
    assert (level, township) == ("place", "孝顺镇")
    assert confidence >= 0.8
    (item,) = learned.list_names(service, DISTRICT)
    assert (item["persons"], item["acted_on"]) == (["Chen", "Lin"], True)
    assert learned.forget_name(service, "红旗老供销社", DISTRICT, actor="Chen")["forgotten"] == 2
    assert not [each for each in geocode_text(service, "红旗老供销社").found if each.learned]
    with pytest.raises(NotFound):
        learned.forget_name(service, "红旗老供销社", DISTRICT, actor="Chen")


@pytest.mark.parametrize("name", ["", "x", "12345", "长" * 81])
def test_what_names_no_place_is_not_learned(service: Service, name: str) -> None:
    with pytest.raises(InvalidInput):
        learned.learn_name(service, UUID(int=0), name, actor="Chen")


def test_a_place_that_is_not_certain_teaches_no_name(service: Service) -> None:
    whole = UUID(reported(service, "傅村镇")["id"])
    vague = UUID(report(service, "leak", radius_m=1500.0))
    drill = UUID(report(service, "leak", drill=True))
    for case, why in ((whole, "area"), (vague, "uncertain"), (drill, "drill")):
        with pytest.raises(Conflict) as refused:
            learned.learn_name(service, case, "红旗仓库", actor="Chen")
        assert refused.value.parameters["why"] == why


def test_learned_names_are_erased_with_their_case_and_leave_no_trace(service: Service) -> None:
    case = UUID(report(service, "leak", km=4.0, reporter={"name": "赵铁柱"}))
    learned.learn_name(service, case, "钱小宝家鱼塘", actor="Chen")
    other = UUID(report(service, "noise", km=4.5))
    learned.learn_name(service, other, "钱小宝家果园", actor="Chen")
    assert erasure.erase(service, "赵铁柱")["rows"] == 2  # the reporter's row, and the name of that case
    assert [each["name"] for each in learned.list_names(service, DISTRICT)] == ["钱小宝家果园"]
    erased = erasure.erase(service, "钱小宝", mentions=True)
    assert len(erased["names"]) == 1
    assert learned.list_names(service, DISTRICT) == []
    stored = b"".join(path.read_bytes() for path in (service.folder / "derived").glob("*.gazetteer"))
    assert HOUSE.encode() in stored
    assert "钱小宝".encode() not in stored
    seal_all(service.database)
    assert [each.faults for each in verify(service)] == [()]


def test_a_caller_of_one_township_sees_the_names_of_their_own_cases(service: Service) -> None:
    case = UUID(report(service, "leak", km=2.0))
    learned.learn_name(service, case, "浦口大樟树", actor="Chen")
    callers = {
        code: replace_caller(service, Scope(DISTRICT, code, (code, *family)))
        for code, family in ((XIAOSHUN, ("R1", "A1", "V1", "V2")), (FUCUN, ("R1", "A2", "V3")))
    }
    mine, other = (callers[code] for code in (XIAOSHUN, FUCUN))
    assert [each.learned for each in shown(mine, geocode_text(mine, "浦口大樟树")).found][:1] == [True]
    assert not [each for each in shown(other, geocode_text(other, "浦口大樟树")).found if each.learned]
    assert len(learned.list_names(mine, None)) == 1
    assert learned.list_names(other, None) == []
    # The law decides over the whole district, and so does the gazetteer.
    assert geocode_text(other, HOUSE).found[0].candidate.level == "house"
    learned.forget_name(service, "浦口大樟树", DISTRICT, actor="Chen")


def replace_caller(service: Service, scope: Scope) -> Service:
    return service.seen_by(Caller("Wang", Role.DISPATCHER, scope, RIGHTS[Role.DISPATCHER]))


# ---------------------------------------------------------------------------------------------------------------- files


def test_each_row_of_a_file_gets_its_best_candidate(service: Service, tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    rows = [("id", "地址"), ("1", HOUSE), ("2", "义乌市佛堂镇"), ("3", "zzqq 99"), ("4", ""), ("5", HOUSE)]
    source.write_text("\n".join(",".join(row) for row in rows) + "\n", encoding="gb18030")
    done = geocode_file(service, source, target)
    assert (done.rows, done.sure, len(done.bad)) == (5, 2, 1)
    with target.open(encoding="gb18030") as file:
        found = list(csv.DictReader(file))
    assert list(found[0]) == [
        "id", "地址", "lon", "lat", "radius_m", "confidence", "level", "township", "village",
    ]  # fmt: skip
    assert (found[0]["township"], found[0]["village"], found[0]["level"]) == ("孝顺镇", "浦口村委会", "house")
    assert float(found[0]["lon"]) == 119.61
    assert [row["township"] for row in found[1:4]] == ["", "", ""]
    assert {key: value for key, value in found[4].items() if key != "id"} == {
        key: value for key, value in found[0].items() if key != "id"
    }


def test_a_file_that_is_none_is_refused(service: Service, tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    for content in ("lon,lat\n1,2\n", "text\n", "text\n \n"):
        source.write_text(content, encoding="utf-8")
        with pytest.raises(InvalidInput):
            geocode_file(service, source, tmp_path / "out.csv")
    source.write_text(f"text\n{HOUSE}\n", encoding="utf-8")
    with pytest.raises(InvalidInput):
        geocode_file(service, source, tmp_path / "out.xlsx")


def test_without_the_database_the_gazetteer_answers_from_memory(service: Service) -> None:
    geocode_text(service, HOUSE)
    away = replace(service, database=Away())  # type: ignore[arg-type]
    assert best(away, HOUSE)[0] == "house"


class Away:
    """A database that does not answer."""

    def transaction(self) -> Any:
        from gridsvc.errors import Unavailable

        raise Unavailable("away")
