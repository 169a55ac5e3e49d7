"""Weigh what a text mentions: which places it may mean, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gridsvc.coordinates import distance_m
from gridsvc.places.context import Stand
from gridsvc.places.gazetteer import township_of, village_of
from gridsvc.places.mentions import How
from gridsvc.places.model import ACTED_ON, Candidate
from gridsvc.places.names import Form
from gridsvc.places.text import COUNTY, spell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridsvc.places.context import Context
    from gridsvc.places.gazetteer import Gazetteer
    from gridsvc.places.mentions import Mention
    from gridsvc.places.model import Entry
    from gridsvc.places.text import Text

FINENESS = (
    "district", "regional", "postcode", "township", "area", "village", "road", "place", "kilometre", "junction",
    "house", "unit",
)  # fmt: skip
"""The kinds of local things, the coarsest first."""

# A name by itself, in a call to this district: how often it is the place.
_SURE = {
    (How.SPELLED, Form.FULL): 0.90, (How.SPELLED, Form.ALTERED): 0.86, (How.SPELLED, Form.STEM): 0.84,
    (How.SOUND, Form.FULL): 0.74, (How.SOUND, Form.ALTERED): 0.67, (How.SOUND, Form.STEM): 0.66,
    (How.NEAR, Form.FULL): 0.62, (How.NEAR, Form.ALTERED): 0.55, (How.NEAR, Form.STEM): 0.52,
    (How.TYPED, Form.FULL): 0.76, (How.TYPED, Form.ALTERED): 0.70, (How.TYPED, Form.STEM): 0.72,
    (How.LETTER, Form.FULL): 0.50, (How.LETTER, Form.ALTERED): 0.45, (How.LETTER, Form.STEM): 0.40,
}  # fmt: skip
_STANDING = {Stand.INSIDE: 0.45, Stand.FACILITY: 0.75, Stand.PREFIX: 0.5, Stand.FREE: 1.0}
_STANDING_TOWNSHIP = {Stand.INSIDE: 0.45, Stand.FACILITY: 1.0, Stand.PREFIX: 0.9, Stand.FREE: 1.0}
_SHORT_STEM = 0.92
"""Two characters without 村 are as often another word: 凤凰, 南站."""
_SETTLEMENTS = frozenset("宅塘畈垄坞埠堰坑岗渎墈店庄岙畲")
"""Second characters that hardly any word but a village has."""
_SHORT_SOUND = 0.8
"""Two characters of the same sound are many words: 石村 for 施村."""
_TOWNSHIP_SOUND = 0.12
"""There are few townships: one that sounds like this is more probably meant than one of many villages."""
_DOUBT_LEFT = 0.35
"""The share of the doubt that is left when another name in the text says the same place."""
_TOGETHER_M = 150.0
_CONTRADICTED = 0.62
_ROAD_UNKNOWN_THERE = 0.9
"""A township is still the one that was said where only another has a road of that name: no list of roads is whole."""
_ELSEWHERE = 0.45
MOST_SURE = 0.99
_FAR_M = 1_000.0
_UNBOUND = 0.78
"""The highest confidence of what the place may be beyond."""


@dataclass(frozen=True, slots=True)
class Found:
    """An entry that a mention may mean, and how sure that is."""

    entry: Entry
    confidence: float
    mention: Mention
    number: int
    agreed: int = 0


def weigh(
    text: Text, mentions: Sequence[Mention], context: Context, entries: Sequence[Entry], gazetteer: Gazetteer
) -> list[Candidate]:
    """Return the places that the text may mean, the most probable first."""
    own = [m.own for m in mentions if m.own is not None]
    local = _local(mentions, context, entries)
    foreign = [
        m for k, m in enumerate(mentions) if not context.towards[k] and _is_foreign(m, k, context, entries, bool(local))
    ]
    found = [
        weighed for k, mention in local for weighed in _of_mention(k, mention, local, context, entries, True in own)
    ]
    factor = 1.0
    # At a border with a neighbour, or beside our own name, a name elsewhere is a doubt and not the place.
    here = True in own or context.between
    if foreign:
        factor = 0.6 if here else 0.4
    elif context.foreign:
        factor = 0.65
    found = [replace(f, confidence=f.confidence * factor) for f in found]
    found = _unbound(found, mentions, context, entries)
    found = _in_order([*found, *_common_township(found, gazetteer)])
    candidates = [candidate_of(f.entry, f.confidence, text, [f.mention], context.spread_m) for f in found]
    if foreign:
        outside = _outside(foreign, entries, text)
        candidates = [*candidates, *outside] if here and candidates else [*outside, *candidates]
    if not candidates and True in own and not context.foreign:
        district = next((e for e in entries if e.kind == "district"), None)
        said = [m for m in mentions if m.own]
        candidates = [] if district is None else [candidate_of(district, 0.5, text, said, 0.0)]
    return candidates


def _unbound(
    found: Sequence[Found], mentions: Sequence[Mention], context: Context, entries: Sequence[Entry]
) -> list[Found]:
    """Return things of which the text says that the place may be beyond them as things to be confirmed.

    Kilometres away from what is named (离孝顺镇还有五公里), or on the way from one township to the next one.
    """
    if context.spread_m >= _FAR_M:
        return [replace(f, confidence=min(f.confidence, _UNBOUND)) for f in found]
    leaving = [
        mention
        for k, mention in enumerate(mentions[:-1])
        if context.towards[k + 1] and any(entries[n.entry].kind == "township" for n in mentions[k + 1].named)
    ]
    return [
        replace(f, confidence=min(f.confidence, _UNBOUND))
        if f.entry.kind == "township" and any(f.mention is each for each in leaving)
        else f
        for f in found
    ]


def candidate_of(entry: Entry, confidence: float, text: Text, said: Sequence[Mention], spread_m: float) -> Candidate:
    """Return the entry as a candidate, with the words of the text that decided."""
    return Candidate(
        entry.lon,
        entry.lat,
        entry.radius_m + spread_m,
        round(min(confidence, MOST_SURE), 3),
        entry.kind,
        entry.name,
        None if entry.kind == "elsewhere" else township_of(entry),
        None if entry.kind == "elsewhere" else village_of(entry),
        tuple(text.quote(m.start, m.end) for m in said),
        entry.codes,
    )


def _local(mentions: Sequence[Mention], context: Context, entries: Sequence[Entry]) -> list[tuple[int, Mention]]:
    return [
        (k, m)
        for k, m in enumerate(mentions)
        if not context.towards[k] and any(entries[n.entry].kind != "elsewhere" for n in m.named)
        if m.own is None or m.form is not Form.STEM
    ]


def _is_foreign(mention: Mention, k: int, context: Context, entries: Sequence[Entry], local: bool) -> bool:
    """Whether a mention names a place elsewhere: a county in short only where it stands first or by itself."""
    outside = [n for n in mention.named if entries[n.entry].kind == "elsewhere"]
    if not outside or len(outside) < len(mention.named):
        return False
    if mention.form is Form.FULL:
        return True
    if mention.how not in (How.SPELLED, How.TYPED) or context.stands[k] is Stand.INSIDE:
        return False
    return not local or any(COUNTY.search(entries[n.entry].name) for n in outside)


def _of_mention(
    k: int,
    mention: Mention,
    local: Sequence[tuple[int, Mention]],
    context: Context,
    entries: Sequence[Entry],
    own: bool,
) -> list[Found]:
    """Weigh the entries of one mention against the other mentions."""
    homonym = max((n.form for n in mention.named if entries[n.entry].kind == "elsewhere"), default=None)
    found = []
    for named in mention.named:
        entry = entries[named.entry]
        if entry.kind == "elsewhere" or (mention.own is not None and named.form is Form.STEM):
            continue
        sure = _alone(mention, named.form, entry, context.stands[k])
        if own:
            sure = 1 - (1 - sure) * 0.75
        if homonym is not None and homonym >= named.form:
            sure *= 0.62
        agreed, doubt = 0, 1.0
        for j, other in local:
            if j == k or context.stands[j] is Stand.INSIDE:
                continue
            verdict = _agrees(entry, other, entries)
            agreed += verdict is True
            if verdict is False:
                doubt = min(doubt, _doubt(entry, other, entries))
        if agreed:
            sure = 1 - (1 - sure) * _DOUBT_LEFT**agreed
        sure *= doubt
        found.append(Found(entry, sure, mention, named.entry, agreed))
    return _shared(found)


def _doubt(entry: Entry, other: Mention, entries: Sequence[Entry]) -> float:
    roads = all(entries[n.entry].kind == "road" for n in other.named)
    return _ROAD_UNKNOWN_THERE if roads and entry.kind in {"township", "village"} else _CONTRADICTED


def _alone(mention: Mention, form: Form, entry: Entry, stand: Stand) -> float:
    """Return how sure an entry is by its own words."""
    if entry.kind == "township":
        sure = _SURE[mention.how, form] * _STANDING_TOWNSHIP[stand]
        return sure + (_TOWNSHIP_SOUND if mention.how in (How.SOUND, How.NEAR, How.TYPED) else 0.0)
    sure = _SURE[mention.how, form] * _STANDING[stand]
    if mention.end - mention.start > 2 or mention.how is How.TYPED:
        return sure
    if mention.how is not How.SPELLED:
        return sure * _SHORT_SOUND
    return sure * (_SHORT_STEM if form is Form.STEM and spell(entry.name)[1:2] not in _SETTLEMENTS else 1.0)


def _shared(found: list[Found]) -> list[Found]:
    """Of several things of one name, those that more of the text agrees with; they share what is probable."""
    if len(found) < 2:
        return found
    most = max(f.agreed for f in found)
    best = [f for f in found if f.agreed == most]
    fullest = max(_form_of(f) for f in best)
    best = [f for f in best if _form_of(f) == fullest or f.entry.kind not in {"township", "house", "kilometre"}]
    best = [f for f in best if not any(_stands_for(g, f) for g in best)]
    today = {_area(f.entry) for f in best if f.entry.former_of is None}
    best = [f for f in best if f.entry.former_of is None or _area(f.entry) not in today]
    best = _one_place(best)
    areas = {_area(f.entry) for f in best}
    return [replace(f, confidence=f.confidence / len(areas)) for f in best]


def _one_place(found: list[Found]) -> list[Found]:
    """Return one of several houses of one address that stand together, with a radius that reaches all."""
    first = found[0].entry
    if len(found) < 2 or any(f.entry.kind != "house" for f in found):
        return found
    reach_m = max(distance_m(first.lon, first.lat, f.entry.lon, f.entry.lat) for f in found)
    if reach_m > _TOGETHER_M or len({f.entry.township for f in found}) > 1:
        return found
    surest = max(f.confidence for f in found)
    return [replace(found[0], entry=replace(first, radius_m=first.radius_m + reach_m), confidence=surest)]


def _form_of(found: Found) -> Form:
    return next(n.form for n in found.mention.named if n.entry == found.number)


def _area(entry: Entry) -> tuple[object, ...]:
    """Return what is one place: a former name and that of today are."""
    if entry.kind == "township":
        return ("township", township_of(entry))
    if entry.kind == "village" and entry.codes:
        return ("village", entry.codes)
    return (entry.kind, entry.name, entry.lon, entry.lat)


def _stands_for(coarse: Found, fine: Found) -> bool:
    """Whether a name is first of all that of the township: 曹宅 is 曹宅镇 before it is 曹宅村 in it."""
    return coarse.entry.kind == "township" and fine.entry.kind == "village" and bool(_covers(coarse.entry, fine.entry))


def _agrees(entry: Entry, other: Mention, entries: Sequence[Entry]) -> bool | None:
    """Whether another mention says the same place: True, False, or None where they say nothing of each other."""
    verdicts = {_covers(entry, entries[n.entry]) for n in other.named if entries[n.entry].kind != "elsewhere"}
    if True in verdicts:
        return True
    return None if None in verdicts or not verdicts else False


def _covers(one: Entry, two: Entry) -> bool | None:
    if one is two:
        return True
    if "postcode" in (one.kind, two.kind):
        codes = {one.parts.get("postcode"), two.parts.get("postcode")}
        return None if None in codes or "" in codes else len(codes) == 1
    first, second = township_of(one), township_of(two)
    if "road" in (one.kind, two.kind) or first is None or second is None:
        if (
            one.codes
            and two.codes
            and min(one.codes, two.codes, key=len) == (*one.codes,)[: min(len(one.codes), len(two.codes))]
        ):
            return True
        if first is None or second is None:
            return None
        return first == second  # a road has an entry in each township that it passes
    if first != second:
        return False
    first, second = village_of(one), village_of(two)
    return first is None or second is None or first == second


def _in_order(found: list[Found]) -> list[Found]:
    """Put the most probable first; of what is about as probable, the finest; drop what only holds the first."""
    if not found:
        return []
    ranked = sorted(
        found,
        key=lambda f: (
            -(round(f.confidence, 3)),
            -FINENESS.index(f.entry.kind),
            f.mention.start,
            f.entry.name,
            f.entry.codes,
        ),
    )
    surest = ranked[0].confidence
    close = [f for f in ranked if f.confidence >= min(surest, 0.8) - 0.001 or f.confidence >= surest * 0.97]
    first = max(close, key=lambda f: (FINENESS.index(f.entry.kind), f.confidence))
    rest: list[Found] = []
    for f in ranked:
        known = any(f.entry is g.entry for g in (first, *rest))
        holds = FINENESS.index(f.entry.kind) < FINENESS.index(first.entry.kind) and _covers(f.entry, first.entry)
        if not known and not holds:
            rest.append(f)
    return [first, *rest]


def _common_township(found: Sequence[Found], gazetteer: Gazetteer) -> list[Found]:
    """Return the township of the things that the text may mean, where none is sure and all are in it.

    让河村 is 让河一村 or 让河二村, and what is between two villages is in neither.
    """
    surest = max((f.confidence for f in found), default=1.0)
    rivals = [f for f in found if f.confidence >= surest / 2]
    towns = {township_of(f.entry) for f in rivals}
    town = gazetteer.townships.get(next(iter(towns), None) or "")
    if surest >= ACTED_ON or len(rivals) < 2 or len(towns) > 1 or town is None:
        return []
    places = {_area(f.entry): f.confidence for f in rivals if f.entry.kind != "township"}
    total = min(sum(places.values()), _SURE[How.SPELLED, Form.FULL])
    return [Found(town, total, rivals[0].mention, -1, rivals[0].agreed)] if len(places) > 1 else []


def _outside(foreign: Sequence[Mention], entries: Sequence[Entry], text: Text) -> list[Candidate]:
    """Return the things elsewhere that the text names, the finest word last said to lie in the coarser ones."""
    found: list[Candidate] = []
    for mention in foreign:
        inside = [entries[n.entry] for n in mention.named]
        said = {text.quote(m.start, m.end) for m in foreign}
        inside.sort(key=lambda e: (not any(e.parts.get("in", "")[:2] in word for word in said), e.name))
        found += [candidate_of(entry, _ELSEWHERE / len(inside), text, [mention], 0.0) for entry in inside]
    found.sort(key=lambda c: (-c.confidence, c.name))
    return found
