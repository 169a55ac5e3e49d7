"""Read numbers behind the streets of a text: house numbers, kilometres, and two roads that meet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gridsvc.places.entry_table import JoinedEntries
from gridsvc.places.gazetteer import Named
from gridsvc.places.mentions import Mention
from gridsvc.places.names import Form
from gridsvc.places.streets import find_house, find_post, pair_of, read_number
from gridsvc.places.text import NUMERALS, spell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridsvc.places.gazetteer import Gazetteer
    from gridsvc.places.model import Entry
    from gridsvc.places.streets import Numbered
    from gridsvc.places.text import Text

_HOUSE = re.compile(
    rf"(?:第|门牌)?(?:(\d+[a-z]?|[{NUMERALS}]+)(?:[-+](?:\d+[a-z]?|[{NUMERALS}]+))*(?:号|弄)"
    r"|(\d+[a-z]?)(?![\d.+]|公里|千米|km|米|幢|栋|楼|室|单元|层|村|国道|省道|县道))"
)
_KM = re.compile(r"(?:k|桩号k?)(\d+)(?:[+-](\d{1,3}))?|(\d+(?:\.\d+)?)(?:公里|千米|km)")
_MEET = re.compile(r"^(?:和|与|及|跟|同|x|×|und|and|ecke|corner)?$")
_MEETING = re.compile(r"路口|交叉|交汇|交界|交会|转角|拐角|十字|丁字|相交|ecke|corner|kreuzung")


def read_along(text: Text, mentions: Sequence[Mention], gazetteer: Gazetteer) -> tuple[list[Mention], Sequence[Entry]]:
    """Replace a street and the number behind it by the houses that they may mean.

    Returns
    -------
    tuple[list[Mention], Sequence[Entry]]
        The mentions, and the entries that they number: those of the gazetteer, then the places found between others.
    """
    if not any(_streets(m, gazetteer) for m in mentions):
        return list(mentions), gazetteer.entries
    found: list[Entry] = []
    first = len(gazetteer.entries)
    read: list[Mention] = []
    for k, mention in enumerate(mentions):
        after = mentions[k + 1].start if k + 1 < len(mentions) else len(text.plain)
        streets = _streets(mention, gazetteer)
        before = _streets(read[-1], gazetteer) if read else set()
        places, end = _meeting(text, before, streets, read, mention, gazetteer)
        start = mention.start
        if places:
            start = read.pop().start
        else:
            places, end = _numbered(text, streets, mention, after, gazetteer)
        if places:
            named = tuple(
                Named(first + len(found) + n, Form.FULL if known else Form.ALTERED)
                for n, (_, known) in enumerate(places)
            )
            found += [entry for entry, _ in places]
            read.append(Mention(start, end, named, mention.how))
        else:
            read.append(mention)
    return read, JoinedEntries(gazetteer.entries, found) if found else gazetteer.entries


def _streets(mention: Mention, gazetteer: Gazetteer) -> set[str]:
    """Return the spelled streets that a mention names."""
    known = gazetteer.streets.known
    named = {
        spell(gazetteer.entries[n.entry].name)
        for n in mention.named
        if n.entry < len(gazetteer.entries) and gazetteer.entries[n.entry].kind in {"road", "village", "place"}
    }
    return {street for street in (*named, mention.street or "") if street in known}


def _numbered(
    text: Text, streets: set[str], mention: Mention, after: int, gazetteer: Gazetteer
) -> tuple[list[tuple[Entry, bool]], int]:
    if not streets:
        return [], mention.end
    rest = text.plain[mention.end : after]
    places: list[tuple[Entry, bool]] = []
    km = _KM.search(rest)
    if km:
        number = float(km[3]) if km[3] else int(km[1]) + int(km[2] or 0) / 1000
        for street in sorted(streets):
            places += find_post(gazetteer.streets.posts.get(street, ()), number)
        return places, mention.end + km.end() if places else mention.end
    house = _HOUSE.match(rest)
    said = (house[1] or house[2]) if house else ""
    end = mention.end + (house.end() if house else 0)
    if said[-1:].isalpha() and said.isascii() and not _is_end(text, end):
        said, end = said[:-1], end - 1  # "8 in Vaduz" is no 8i
    read = read_number(said)
    if read is None:
        return [], mention.end
    for street in sorted(streets):
        for houses in _by_place(gazetteer.streets.houses.get(street, ())):
            places += find_house(houses, *read)
    return places, end if places else mention.end


def _is_end(text: Text, at: int) -> bool:
    return at in text.edges or not ("a" <= text.plain[at] <= "z")


def _by_place(houses: Sequence[Numbered]) -> list[list[Numbered]]:
    """Separate the streets of one name that lie in different places."""
    groups: dict[tuple[str | None, str], list[Numbered]] = {}
    for n in houses:
        groups.setdefault((n.entry.township, n.entry.parts.get("postcode", "")), []).append(n)
    return list(groups.values())


def _meeting(
    text: Text, before: set[str], streets: set[str], read: Sequence[Mention], mention: Mention, gazetteer: Gazetteer
) -> tuple[list[tuple[Entry, bool]], int]:
    if not before or not streets:
        return [], mention.end
    between = text.plain[read[-1].end : mention.start]
    behind = _MEETING.search(text.plain[mention.end : mention.end + 8])
    if not _MEET.match(between) and not _MEETING.search(between) and not behind:
        return [], mention.end
    places = [
        (entry, True)
        for one in sorted(before)
        for two in sorted(streets)
        for entry in gazetteer.streets.junctions.get(pair_of(one, two), ())
    ]
    return places, mention.end + (behind.end() if behind else 0)
