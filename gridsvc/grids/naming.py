"""Codes for grids that come with names only: from the known divisions of the district, never guessed."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gridsvc.grids.levels import Level

_VILLAGE = re.compile(r"(村民委员会|村委会|行政村)$")
_COMMUNITY = re.compile(r"(社区居民委员会|社区居委会|居民委员会|居委会)$")
_ANY = re.compile(r"(村|社区|街道办事处|街道|镇|乡)$")


@dataclass(frozen=True, slots=True)
class KnownDivision:
    """A division that the statistics know: its code, names, and the code of the one above it."""

    level: Level
    code: str
    name: str
    parent: str
    former_name: str | None = None
    urban_rural_code: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """What a name resolved to; `provisional` marks a code that was made up because it did not."""

    code: str
    provisional: bool
    urban_rural_code: str | None = None


def resolve_codes(
    names: Sequence[str],
    known: Sequence[KnownDivision],
    parents: Sequence[str | None],
    *,
    district: str,
    level: Level,
    places: Sequence[tuple[float, float]],
) -> list[Named]:
    """Return a code for every name.

    Parameters
    ----------
    known
        Divisions of this level; empty where the district's are not known.
    parents
        Code of the known division (township, say) that holds each, None where unknown. It decides between divisions
        of the same name; where it cannot, the name stays unresolved.
    places
        A longitude and latitude for each, so that provisional codes do not depend on the order of rows.
    """
    tiers = [_by(known, key) for key in (_exact, _former, _kind, _stem)]
    found = [_find(name, parent, tiers) for name, parent in zip(names, parents, strict=True)]
    answer: list[Named | None] = [
        None
        if division is None
        else Named(division.code, provisional=False, urban_rural_code=division.urban_rural_code)
        for division in found
    ]
    unresolved = sorted((k for k, named in enumerate(answer) if named is None), key=lambda k: (names[k], places[k]))
    width = max(3, len(str(len(unresolved))))
    letter = level.key[0].upper()
    for number, k in enumerate(unresolved, 1):
        answer[k] = Named(f"{district}-{letter}{number:0{width}}", provisional=True)
    return [named for named in answer if named is not None]


def _find(name: str, parent: str | None, tiers: Sequence[dict[str, list[KnownDivision]]]) -> KnownDivision | None:
    """Take the strictest tier that knows the name; two of one name are distinguished by their parent or not at all."""
    for key, tier in zip((_plain, _plain, kind_of, stem_of), tiers, strict=True):
        candidates = tier.get(key(name), [])
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            at_home = [division for division in candidates if division.parent == parent]
            return at_home[0] if len(at_home) == 1 else None
    return None


def _by(known: Sequence[KnownDivision], key: Callable[[KnownDivision], str | None]) -> dict[str, list[KnownDivision]]:
    tier: dict[str, list[KnownDivision]] = defaultdict(list)
    for division in known:
        if (word := key(division)) is not None:
            tier[word].append(division)
    return tier


def _exact(division: KnownDivision) -> str:
    return _plain(division.name)


def _former(division: KnownDivision) -> str | None:
    return None if division.former_name is None else _plain(division.former_name)


def _kind(division: KnownDivision) -> str:
    return kind_of(division.name)


def _stem(division: KnownDivision) -> str:
    return stem_of(division.name)


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).split())


def kind_of(name: str) -> str:
    """Reduce 桥头村村民委员会, 桥头村委会 to 桥头村, and 金都社区居委会 to 金都社区."""
    plain = _plain(name)
    stem, changed = _VILLAGE.subn("", plain)
    if changed:
        return stem if stem.endswith("村") else stem + "村"
    stem, changed = _COMMUNITY.subn("", plain)
    if changed:
        return stem if stem.endswith("社区") else stem + "社区"
    return plain


def stem_of(name: str) -> str:
    """Return a name without its kind: 桥头 of 桥头村委会, 桥头社区 and 桥头镇."""
    stem = _ANY.sub("", kind_of(name))
    return stem or _plain(name)
