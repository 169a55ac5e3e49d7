"""A gazetteer as arrays and plain JSON, with its whole index: what is stored is data, never code.

It is mapped and looked up where it is, so that a process answers without building anything.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.places.entry_table import EntryTable, pack_entries
from gridsvc.places.gazetteer import Gazetteer, Named
from gridsvc.places.model import DistrictName
from gridsvc.places.names import Form
from gridsvc.places.search_lines import SearchLines
from gridsvc.places.sounds import Spoken, pack_spoken
from gridsvc.places.streets import Streets, house_of, post_of
from gridsvc.places.text_index import TextIndex, pack_index

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from gridsvc.json_types import JsonObject
    from gridsvc.places.model import Entry
    from gridsvc.places.streets import Numbered

    Arrays = dict[str, NDArray[Any]]

_NAMES = ("names", "sounds", "near", "typed", "typed_near")
_STARTS = ("starts", "near_starts", "typed_starts")
_FORMS = (Form.STEM, *Form)  # by value; 0 is none


def pack_gazetteer(gazetteer: Gazetteer) -> tuple[Arrays, JsonObject]:
    """Return the arrays and the rest, plain JSON, that `unpack_gazetteer` reads."""
    at = {id(entry): number for number, entry in enumerate(gazetteer.entries)}
    streets = gazetteer.streets
    indexes: dict[str, Mapping[str, Sequence[int]]] = {
        name: {key: [n.entry << 2 | n.form for n in found] for key, found in getattr(gazetteer, name).items()}
        for name in _NAMES
    }
    indexes |= {name: getattr(gazetteer, name) for name in _STARTS}
    for name, numbered in (("houses", streets.houses), ("posts", streets.posts)):
        indexes[name] = {street: [at[id(n.entry)] for n in found] for street, found in numbered.items()}
    indexes["junctions"] = {pair: [at[id(entry)] for entry in found] for pair, found in streets.junctions.items()}
    indexes["known"] = dict.fromkeys(sorted(streets.known), ())
    arrays = _prefixed("entries", pack_entries(gazetteer.entries))
    for name, index in indexes.items():
        arrays |= _prefixed(name, pack_index(index))
    for name, lines in gazetteer.search._asdict().items():
        arrays[f"search.{name}"] = np.frombuffer(lines.encode(), np.uint8)
    arrays["spoken"], syllables = pack_spoken()
    rest = {
        "district": asdict(gazetteer.district),
        "own": gazetteer.own,
        "townships": {name: at[id(entry)] for name, entry in gazetteer.townships.items()},
        "latin": list(gazetteer.latin),
        "syllables": syllables,
    }
    return arrays, rest


def _prefixed(prefix: str, arrays: Arrays) -> Arrays:
    return {f"{prefix}.{name}": array for name, array in arrays.items()}


def _under(prefix: str, arrays: Arrays) -> Arrays:
    start = f"{prefix}."
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


def _read_named(values: Sequence[int]) -> tuple[Named, ...]:
    return tuple(Named(value >> 2, _FORMS[value & 3]) for value in values)


def _read_lengths(values: Sequence[int]) -> tuple[int, ...]:
    return tuple(values)


def unpack_gazetteer(arrays: Arrays, rest: JsonObject) -> Gazetteer:
    """Return the gazetteer that `pack_gazetteer` packed; its arrays are not copied."""
    entries = EntryTable(_under("entries", arrays))

    def named(name: str) -> TextIndex[tuple[Named, ...]]:
        return TextIndex(_under(name, arrays), _read_named)

    def lengths(name: str) -> TextIndex[tuple[int, ...]]:
        return TextIndex(_under(name, arrays), _read_lengths)

    def houses(numbers: Sequence[int]) -> tuple[Numbered, ...]:
        return tuple(found for n in numbers if (found := house_of(entries[n])) is not None)

    def posts(numbers: Sequence[int]) -> tuple[Numbered, ...]:
        return tuple(found for n in numbers if (found := post_of(entries[n])) is not None)

    def places(numbers: Sequence[int]) -> tuple[Entry, ...]:
        return tuple(entries[n] for n in numbers)

    district = rest["district"]
    return Gazetteer(
        DistrictName(district["name"], tuple(district["above"]), tuple(district["also"])),
        entries,
        rest["own"],
        named("names"),
        named("sounds"),
        named("near"),
        named("typed"),
        named("typed_near"),
        lengths("starts"),
        lengths("near_starts"),
        lengths("typed_starts"),
        streets=Streets(
            TextIndex(_under("houses", arrays), houses),
            TextIndex(_under("posts", arrays), posts),
            TextIndex(_under("junctions", arrays), places),
            TextIndex(_under("known", arrays), tuple).keys(),
        ),
        townships={name: entries[n] for name, n in rest["townships"].items()},
        search=SearchLines(*(str(arrays[f"search.{name}"].data, "utf-8") for name in SearchLines._fields)),
        latin=tuple(rest["latin"]),
        spoken=Spoken(arrays["spoken"], rest["syllables"]),
    )
