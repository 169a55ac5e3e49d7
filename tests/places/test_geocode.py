"""Single rules of the grammar, and what holds for any text at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridsvc.places.geocode import geocode
from gridsvc.places.text import number_of, read_text
from tests.places.jindong import gazetteer

WORDS = st.sampled_from(
    [
        "孝顺镇",
        "傅村",
        "桥头村",
        "江东街道",
        "义乌市",
        "金东区",
        "琐园",
        "xiaoshun",
        "12号",
        "对面",
        "往",
        "K3+500",
        "，",
        "省",
        "街道",
    ]
)


@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=8).map("".join)))
def test_any_text_has_an_answer(text: str) -> None:
    found = geocode(text, gazetteer(), most=50)
    assert found == geocode(text, gazetteer(), most=50)
    for c in found:
        assert 0 < c.confidence < 1
        assert c.words
        assert all(word in text for word in c.words)
        if c.level == "elsewhere":
            assert (c.township, c.confirm) == (None, True)
    assert len([c for c in found if not c.confirm and c.township is None]) == 0


def test_a_story_is_read_up_to_its_400th_character() -> None:
    assert geocode("啊" * 5000 + "孝顺镇", gazetteer()) == []


@pytest.mark.parametrize(
    "text", ["江东街道", "金东区江东街道", "义乌江东街道青口村", "yiwu jiangdong jiedao", "宁波市江东区", "金华江东"]
)
def test_a_name_that_the_neighbour_has_too_is_not_sure(text: str) -> None:
    assert all(c.confirm for c in geocode(text, gazetteer()))


def test_a_name_that_exists_twice_gives_both() -> None:
    found = geocode("桥头村", gazetteer())
    assert [c.township for c in found] == ["东孝街道", "岭下镇"]
    assert all(c.confirm for c in found)


def test_words_that_contradict_each_other_give_both_and_neither_is_sure() -> None:
    found = geocode("曹宅镇琐园村", gazetteer())
    assert {c.township for c in found} == {"曹宅镇", "澧浦镇"}
    assert all(c.confirm for c in found)


@pytest.mark.parametrize("text", ["让河村", "低田村和白溪村之间"])
def test_of_several_villages_in_one_township_the_township_is_sure(text: str) -> None:
    best = geocode(text, gazetteer())[0]
    assert (best.level, best.name, best.confirm) == ("township", "孝顺镇", False)


def test_a_township_alone_has_its_extent() -> None:
    best = geocode("付村镇", gazetteer())[0]
    assert (best.level, best.township, best.radius_m, best.words) == ("township", "傅村镇", 5000.0, ("付村镇",))


@pytest.mark.parametrize(
    ("text", "township"), [("义乌和傅村交界", "傅村镇"), ("江东镇到岭下镇的路上", "江东镇"), ("金东区沣浦镇", "澧浦镇")]
)
def test_doubtful_but_first(text: str, township: str) -> None:
    best = geocode(text, gazetteer())[0]
    assert (best.township, best.confirm) == (township, True)


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("一百二十三", 123),
        ("一〇八", 108),
        ("廿五", 25),
        ("十二", 12),
        ("一百二", 120),
        ("一千零五", 1005),
        ("两百", 200),
        ("7", 7),
        ("甲", None),
    ],
)
def test_numerals(words: str, number: int | None) -> None:
    assert number_of(words) == number


def test_words_are_quoted_as_they_were_given() -> None:
    text = read_text("【傅村鎮】 ７－８号")
    assert text.plain == "傅村镇7-8号"
    assert text.quote(0, 3) == "傅村鎮"


@pytest.mark.parametrize(
    ("said", "written"), [("三公里", "3公里"), ("五百米", "500米"), ("二十米", "20米"), ("两三公里", "3公里")]
)
def test_a_distance_in_chinese_digits_widens_the_radius_as_one_in_figures_does(said: str, written: str) -> None:
    one, other = (geocode(f"琐园村往东{distance}", gazetteer(), most=1)[0] for distance in (said, written))
    assert one.radius_m == other.radius_m
    assert one.radius_m > geocode("琐园村", gazetteer(), most=1)[0].radius_m


@pytest.mark.parametrize(
    "text",
    [
        "塘雅镇开往曹宅镇方向",
        "曹宅镇去塘雅镇",
        "孝顺镇还是傅村镇",
        "驶出源东乡，快到曹宅镇",
        "距离岭下镇八公里",
        "蒲塘村往西2公里",
        "赤松镇外4km的山上",
        "赤松镇外2.5公里",
        "岭下香满楼饭店",
        "曹宅阳光超市",
    ],
)
def test_where_the_place_may_be_beyond_what_is_named_no_township_is_sure(text: str) -> None:
    found = geocode(text, gazetteer())
    assert found
    assert all(each.confirm for each in found)


@pytest.mark.parametrize(
    ("text", "township"),
    [
        ("孝顺镇往东阳方向", "孝顺镇"),
        ("塘雅镇含香村往曹宅镇方向", "塘雅镇"),
        ("孝顺镇离东阳8公里", "孝顺镇"),
        ("蒲塘村往西200米", "澧浦镇"),
        ("曹宅那边超市门口", "曹宅镇"),
        ("赤松镇外0.5公里", "赤松镇"),
        ("岭下镇香满楼饭店", "岭下镇"),
    ],
)
def test_a_direction_a_few_metres_or_a_shop_there_leave_it_sure(text: str, township: str) -> None:
    best = geocode(text, gazetteer())[0]
    assert (best.township, best.confirm) == (township, False)
