"""House numbers along a street, kilometre posts along a road, and roads that meet."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.coordinates import LocalMetres, distance_m
from gridsvc.places.model import Entry
from gridsvc.places.text import number_of, spell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

FAR_NUMBERS = 20
"""A house number this far beyond the last known one is still looked for near it."""
_HOUSE_M = 30.0
_POST_M = 100.0
_NUMBER = re.compile(r"([\d〇零一二三四五六七八九十百廿卅两]+)(.*)", re.DOTALL)
_ROUTE = re.compile(r"^(?:(国道|省道|县道|乡道|[gsxy])0*(\d+)(.*)|0*(\d+)(国道|省道|县道|乡道)(.*))$")
_ROUTES = {"国道": "g", "省道": "s", "县道": "x", "乡道": "y"}


@dataclass(frozen=True, slots=True)
class Numbered:
    """A house or kilometre post with its number; `tail` is the letter behind it, empty or 号."""

    number: float
    tail: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Streets:
    """What is known along streets, by their spelled names: houses, posts, and entries of the roads that meet.

    junctions: by `pair_of`.
    """

    houses: Mapping[str, tuple[Numbered, ...]]
    posts: Mapping[str, tuple[Numbered, ...]]
    junctions: Mapping[str, tuple[Entry, ...]]
    known: AbstractSet[str]

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Streets:
        """Group what lies along streets."""
        houses, posts = defaultdict(list), defaultdict(list)
        junctions = defaultdict(list)
        for entry in entries:
            street = spell(street_of(entry))
            if entry.kind == "house" and street and (house := house_of(entry)) is not None:
                houses[street].append(house)
            elif entry.kind == "kilometre" and street and (post := post_of(entry)) is not None:
                posts[street].append(post)
            elif entry.kind == "junction" and street:
                junctions[pair_of(street, spell(entry.parts.get("street2", "")))].append(entry)
        met = {street for pair in junctions for street in pair.split("\t") if street}
        return cls(
            {street: _in_order(found) for street, found in houses.items()},
            {street: _in_order(found) for street, found in posts.items()},
            {pair: tuple(found) for pair, found in junctions.items()},
            frozenset({*houses, *posts, *met}),
        )


def house_of(entry: Entry) -> Numbered | None:
    """Return a house with its number; None without one."""
    read = read_number(entry.parts.get("house", ""))
    return None if read is None else Numbered(float(read[0]), read[1], entry)


def post_of(entry: Entry) -> Numbered | None:
    """Return a kilometre post with its number; None without one."""
    km = _float(entry.parts.get("km", ""))
    return None if km is None else Numbered(km, "", entry)


def _in_order(found: list[Numbered]) -> tuple[Numbered, ...]:
    return tuple(sorted(found, key=lambda n: (n.number, n.tail, n.entry.lon, n.entry.lat)))


def _float(words: str) -> float | None:
    found = re.search(r"\d+(?:\.\d+)?", words)
    return float(found[0]) if found else None


def street_of(entry: Entry) -> str:
    """Return the street of a house; in a village without street names the hamlet, estate or village itself."""
    parts = entry.parts
    named = next((parts[key] for key in ("street", "estate", "hamlet") if parts.get(key)), "")
    return named or (parts.get("village", "") or (entry.village or "") if entry.kind == "house" else "")


def read_number(words: str) -> tuple[int, str] | None:
    """Return a house number and its letter: (12, 'a') of 12a, (12, '') of 12号."""
    found = _NUMBER.match(spell(words))
    number = number_of(found[1]) if found else None
    return None if found is None or number is None else (number, re.sub("^(?:号|弄).*", "", found[2])[:1])


def pair_of(one: str, two: str) -> str:
    """Return two streets as the key by which junctions are kept, whichever is said first."""
    return f"{one}\t{two}" if one <= two else f"{two}\t{one}"


def route_spellings(name: str) -> set[str]:
    """Return the ways to write a numbered road: 330国道, 国道330, G330."""
    found = _ROUTE.match(name)
    if not found:
        return {name}
    kind, number, rest = (found[1], found[2], found[3]) if found[2] else (found[5], found[4], found[6])
    letter = _ROUTES.get(kind, kind)
    words = next((word for word, short in _ROUTES.items() if short == letter), letter)
    ways = {
        f"{letter}{number}",
        f"{number}{words}",
        f"{words}{number}",
        f"{number.zfill(2)}{words}",
        f"{letter}{number.zfill(2)}",
    }
    return {name, *(way + rest for way in ways), *ways}


def find_house(houses: Sequence[Numbered], number: int, tail: str) -> list[tuple[Entry, bool]]:
    """Return the houses of a number on one street; where it is not known, a point between its neighbours.

    Parameters
    ----------
    houses
        Of one street in one place, in order of their numbers.

    Returns
    -------
    list[tuple[Entry, bool]]
        Each with True where the number itself is known. The radius of an interpolated point reaches the two known
        houses; beyond the last number known it grows with the distance in numbers. Empty: nothing near is known.
    """
    same = [n for n in houses if n.number == number]
    exact = [n for n in same if n.tail == tail] or same
    if exact:
        return [(n.entry, True) for n in exact]
    side = [n for n in houses if n.number % 2 == number % 2]
    for known in (side, list(houses)):
        below = [n for n in known if n.number < number]
        above = [n for n in known if n.number > number]
        if below and above:
            return [(_between(below[-1], above[0], number, f"{number}{tail}"), False)]
    nearest = min(side or houses, key=lambda n: abs(n.number - number))
    away = abs(nearest.number - number)
    if away > FAR_NUMBERS:
        return []
    e = nearest.entry
    return [(_copy(e, e.lon, e.lat, e.radius_m + _HOUSE_M * away / 2, f"{number}{tail}"), False)]


def find_post(posts: Sequence[Numbered], km: float) -> list[tuple[Entry, bool]]:
    """Return the place of a kilometre of a road: its post, or a point between the two posts around it."""
    exact = [n for n in posts if abs(n.number - km) < 0.0005]
    if exact:
        return [(n.entry, True) for n in exact]
    below = [n for n in posts if n.number < km]
    above = [n for n in posts if n.number > km]
    if not below or not above:
        return []
    return [(_between(below[-1], above[0], km, f"K{km:g}"), False)]


def _between(one: Numbered, two: Numbered, number: float, words: str) -> Entry:
    a, b = one.entry, two.entry
    share = (number - one.number) / (two.number - one.number)
    lon, lat = a.lon + share * (b.lon - a.lon), a.lat + share * (b.lat - a.lat)
    apart_m = distance_m(a.lon, a.lat, b.lon, b.lat)
    floor_m = _POST_M if a.kind == "kilometre" else _HOUSE_M
    return _copy(a, lon, lat, max(apart_m * max(share, 1 - share), floor_m), words, b)


def _copy(a: Entry, lon: float, lat: float, radius_m: float, words: str, b: Entry | None = None) -> Entry:
    """Return an entry for a point that is not in the gazetteer, with the owners that its neighbours share."""
    b = a if b is None else b
    codes = []
    for one, two in zip(a.codes, b.codes, strict=False):
        if one != two:
            break
        codes.append(one)
    township = a.township if a.township == b.township else None
    village = a.village if a.village == b.village else None
    name = f"{street_of(a)} {words}"
    return Entry(
        name, a.kind, lon, lat, radius_m, township, village, tuple(codes), source="interpolated", parts=a.parts
    )


def derived_entries(entries: Sequence[Entry]) -> list[Entry]:
    """Return the streets and postcodes that only houses tell of: the middle of their houses, with the reach of all."""
    roads = {(spell(e.name), e.township) for e in entries if e.kind == "road"}
    postcodes = {e.name for e in entries if e.kind == "postcode"}
    groups: dict[tuple[str, str, str | None], list[Entry]] = defaultdict(list)
    for e in entries:
        if e.kind not in {"house", "kilometre"}:
            continue
        street, postcode = e.parts.get("street", ""), e.parts.get("postcode", "")
        if street and (spell(street), e.township) not in roads:
            groups["road", street, e.township].append(e)
        if postcode and postcode not in postcodes:
            groups["postcode", postcode, None].append(e)
    return [_middle(kind, name, found) for (kind, name, _), found in groups.items()]


def _middle(kind: str, name: str, found: list[Entry]) -> Entry:
    lon, lat = np.array([e.lon for e in found]), np.array([e.lat for e in found])
    x, y = LocalMetres(float(lon.mean()), float(lat.mean())).to_metres(lon, lat)
    k = int(np.argmin(np.hypot(x, y)))
    radius_m = float(np.ceil(np.hypot(x - x[k], y - y[k]).max())) + _HOUSE_M
    townships, villages = {e.township for e in found}, {e.village for e in found}
    return Entry(
        name,
        kind,
        found[k].lon,
        found[k].lat,
        radius_m,
        found[0].township if len(townships) == 1 else None,
        found[0].village if len(villages) == 1 else None,
        source=DERIVED,
        parts={"street": name} if kind == "road" else {"postcode": name},
    )


DERIVED = "houses"
