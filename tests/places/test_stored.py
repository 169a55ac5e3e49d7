"""A stored gazetteer is the one that was stored: its index is mapped, and answers as the one that was built."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridsvc.places.entry_table import EntryTable, pack_entries
from gridsvc.places.gazetteer import Gazetteer
from gridsvc.places.geocode import geocode
from gridsvc.places.model import DistrictName, Entry
from gridsvc.places.sounds import syllable
from gridsvc.places.stored import pack_gazetteer, unpack_gazetteer
from gridsvc.places.suggest import suggest
from gridsvc.places.text_index import Overlay, TextIndex, pack_index
from gridsvc.roads.network.container import pack, unpack
from tests.places.jindong import gazetteer
from tests.places.test_fresh import FRESH
from tests.places.test_streets import EAST, WEST

if TYPE_CHECKING:
    from collections.abc import Mapping

MAGIC = b"gsTEST!\n"
INDEXES = ("names", "sounds", "near", "typed", "typed_near", "starts", "near_starts", "typed_starts")
TEXTS = [line.split("\t")[0] for line in FRESH.read_text(encoding="utf-8").splitlines()]


def through_bytes(made: Gazetteer) -> Gazetteer:
    arrays, rest = pack_gazetteer(made)
    read, plain, _ = unpack(b"".join(pack(arrays, rest, magic=MAGIC)), magic=MAGIC)
    return unpack_gazetteer(read, json.loads(json.dumps(plain)))


def assert_same(one: Gazetteer, two: Gazetteer) -> None:
    assert list(one.entries) == list(two.entries)
    for name in INDEXES:
        assert dict(getattr(one, name)) == dict(getattr(two, name))
    for name in ("district", "own", "townships", "search", "latin"):
        assert getattr(one, name) == getattr(two, name)
    for name in ("houses", "posts", "junctions"):
        assert dict(getattr(one.streets, name)) == dict(getattr(two.streets, name))
    assert set(one.streets.known) == set(two.streets.known)


@pytest.fixture(scope="module")
def stored() -> Gazetteer:
    return through_bytes(gazetteer())


@pytest.mark.parametrize("made", [EAST, WEST], ids=["Chinese", "Latin"])
def test_all_that_was_stored_is_read_back(made: Gazetteer) -> None:
    assert_same(through_bytes(made), made)


def test_the_gazetteer_of_a_district_is_read_back(stored: Gazetteer) -> None:
    assert_same(stored, gazetteer())


def test_a_stored_gazetteer_answers_as_the_one_that_was_built(stored: Gazetteer) -> None:
    for text in TEXTS:
        assert geocode(text, stored) == geocode(text, gazetteer())
        assert suggest(text[:3], stored) == suggest(text[:3], gazetteer())


def test_sounds_are_those_of_the_dictionary(stored: Gazetteer) -> None:
    chars = [*map(chr, range(0x4E00, 0x9FFF, 7)), *"a7-〇鿿㐀𠀀é", "ü"]
    assert [stored.syllable(char) for char in chars] == [syllable(char) for char in chars]


LETTERS = st.text("孝顺镇村桥一aé\U00020000", max_size=6)


@given(
    st.dictionaries(LETTERS, st.lists(st.integers(-5, 1 << 30), max_size=4), max_size=60), st.lists(st.text(max_size=5))
)
def test_an_index_finds_its_keys_and_no_others(index: dict[str, list[int]], others: list[str]) -> None:
    read: TextIndex[list[int]] = TextIndex(pack_index(index), list)
    assert dict(read) == index
    for key in (*index, *others):
        assert (key in read) == (key in index)
        assert read.get(key) == index.get(key)
        assert read.get(key, []) == index.get(key, [])
    assert list(read) == list(index)
    with pytest.raises(KeyError):
        read["no such key"]
    assert "\ud800" not in read  # half of a character, as a damaged text has


@given(st.dictionaries(LETTERS, st.integers(), max_size=8), st.dictionaries(LETTERS, st.integers(), max_size=8))
def test_an_overlay_is_both_mappings(first: Mapping[str, int], second: Mapping[str, int]) -> None:
    both = Overlay(first, second)
    assert dict(both) == {**first, **second}
    assert len(both) == len({**first, **second})
    assert {key: both.get(key) for key in both} == {**first, **second}
    assert both.get("no such key", 7) == 7


WORDS = st.text(max_size=5)
ENTRIES = st.builds(
    Entry, WORDS, WORDS, st.floats(-180, 180), st.floats(-90, 90), st.floats(0, 1e6), st.none() | WORDS,
    st.none() | WORDS,
    st.lists(WORDS, max_size=4).map(tuple), st.none() | WORDS, WORDS, st.dictionaries(WORDS, WORDS, max_size=3),
)  # fmt: skip


@given(st.lists(ENTRIES, max_size=12))
def test_entries_are_read_back_and_stay_the_same_objects(entries: list[Entry]) -> None:
    table = EntryTable(pack_entries(entries))
    assert list(table) == entries
    assert all(table[k] is table[k - len(entries)] for k in range(len(entries)))
    assert table[1:3] == entries[1:3]
    with pytest.raises(IndexError):
        table[len(entries)]


NAMES = st.text("孝顺溪桥老殿山店太月", min_size=2, max_size=4)


@settings(max_examples=25)
@given(st.lists(st.tuples(NAMES, st.sampled_from(["孝顺镇", "傅村镇"])), min_size=1, max_size=6), NAMES)
def test_more_names_are_found_as_if_they_had_been_there(places: list[tuple[str, str]], other: str) -> None:
    given_ = [
        Entry(name, "place", 119.6 + n / 100, 29.1, 50.0, town, None, (town,), source="learned")
        for n, (name, town) in enumerate(places)
    ]
    base = [
        Entry("孝顺镇", "township", 119.6, 29.1, 900.0, "孝顺镇", codes=("孝顺镇",)),
        Entry("太山村", "village", 119.6, 29.1, 90.0, "孝顺镇", "太山村", codes=("孝顺镇", "v")),
    ]
    district = DistrictName("金东区", ("浙江省", "金华市"))
    whole, joined = (
        Gazetteer.of([*base, *given_], district),
        through_bytes(Gazetteer.of(base, district)).with_more(given_),
    )
    for text in (*(name for name, _ in places), other, f"孝顺镇{other}", "太山村"):
        assert geocode(text, joined) == geocode(text, whole)
        one, two = suggest(text[:2], joined, most=50), suggest(text[:2], whole, most=50)
        assert sorted(map(repr, one)) == sorted(map(repr, two))
