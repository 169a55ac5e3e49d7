"""Two lists of the divisions of a district, of two years: which of one is which of the other, and by which rule.

A rule takes a pair only where it is the only one on both sides. What no rule takes stays unmatched and is listed: the
statistics renumber, rename, move and merge villages every year, and a wrong pair gives a case to the wrong officer.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gridsvc.grids import topology
from gridsvc.grids.levels import LEVEL_KEYS, Level
from gridsvc.grids.naming import KnownDivision, kind_of, stem_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gridsvc.grids.levels import Grid

RULES = (
    "same-code", "same-name", "former-name", "changed-kind", "renamed", "moved-parent", "same-ground", "merged",
    "split",
)  # fmt: skip
"""In the order in which they are tried."""
UNMATCHED = ("gone", "new")
_Key = tuple[Level, str]
_WHOLE = 0.9
"""Ground is of another division where this share of it is."""


@dataclass(frozen=True, slots=True)
class CodeMatch:
    """A division of the one list and that of the other; None: it is not there.

    rule: of RULES, else `gone` or `new`. why: what a person should know, such as why no rule took it.
    """

    rule: str
    before: KnownDivision | None
    after: KnownDivision | None
    why: str = ""

    @property
    def level(self) -> Level:
        """The level of both."""
        either = self.after or self.before
        assert either is not None
        return either.level

    @property
    def is_plain(self) -> bool:
        """Whether nothing changed: the same code, name and parent."""
        return self.rule == "same-code" and not self.why

    def as_json(self) -> dict[str, Any]:
        """Return {level, rule, before, before_name, before_parent, after, after_name, after_parent, why}."""
        found: dict[str, Any] = {"level": self.level.key, "rule": self.rule}
        for side, one in (("before", self.before), ("after", self.after)):
            found[side] = None if one is None else one.code
            found[f"{side}_name"] = None if one is None else one.name
            found[f"{side}_parent"] = None if one is None else one.parent or None
        return found | {"why": self.why}


def count_rules(matches: Iterable[CodeMatch]) -> dict[str, dict[str, int]]:
    """Return {level: {rule: count}}; levels and rules that are not there are left out."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for each in matches:
        counts[each.level.key][each.rule] += 1
    order = (*RULES, *UNMATCHED)
    return {
        level: {rule: counts[level][rule] for rule in order if counts[level][rule]}
        for level in LEVEL_KEYS
        if level in counts
    }


def summary_of(matches: Sequence[CodeMatch]) -> dict[str, Any]:
    """Return {counts, gone, new}: how many each rule took, by level, and how many no rule did on either side."""
    unmatched = {rule: sum(each.rule == rule for each in matches) for rule in UNMATCHED}
    return {"counts": count_rules(matches), **unmatched}


def match_codes(before: Sequence[KnownDivision], after: Sequence[KnownDivision]) -> list[CodeMatch]:
    """Match two lists by codes and names, level after level from the widest on.

    Rules, in this order: the same code and name; the same name in the same parent; the name that was the former one, by
    the same code or in the same parent; the same name of another kind in the same parent (a village that became a
    community); the same code with another name; the same name in another parent. Names are compared without their
    spaces, and 村民委员会 is 村委会. The parents are the same where they are matched themselves, or where they have one
    code or name.
    """
    matches: list[CodeMatch] = []
    parents: dict[str, str] = {}
    for level in Level:
        olds, news = ([each for each in side if each.level == level] for side in (before, after))
        # What holds a township is the district, unless both lists have regional grids.
        homed = level > Level.TOWNSHIP or Level.REGIONAL in {each.level for each in before} & {a.level for a in after}
        found = _Level(olds, news, parents, homed=homed).match()
        parents |= {m.before.code: m.after.code for m in found if m.before is not None and m.after is not None}
        matches += found
    order = (*RULES, *UNMATCHED)
    return sorted(matches, key=lambda m: (m.level, order.index(m.rule), _key(m.after or m.before)))


class _Level:
    """What is not matched yet of one level."""

    def __init__(
        self,
        before: Sequence[KnownDivision],
        after: Sequence[KnownDivision],
        parents: Mapping[str, str],
        *,
        homed: bool,
    ) -> None:
        self.old, self.new = list(before), list(after)
        self.parents, self.homed = parents, homed
        self.matches: list[CodeMatch] = []

    def match(self) -> list[CodeMatch]:
        self._pair("same-code", lambda one: (one.code, kind_of(one.name)))
        self._pair("same-name", lambda one: (one.parent, kind_of(one.name)))
        self._pair("former-name", lambda one: (one.code, kind_of(one.name)), _former_by(lambda one: one.code))
        self._pair("former-name", lambda one: (one.parent, kind_of(one.name)), _former_by(lambda one: one.parent))
        self._pair("changed-kind", lambda one: (one.parent, stem_of(one.name)))
        self._pair("renamed", lambda one: (one.code,))
        self._pair("moved-parent", lambda one: (kind_of(one.name),))
        ended = [CodeMatch("gone", one, None, self._why_not(one, self.old)) for one in self.old]
        fresh = [CodeMatch("new", None, one, self._why_not(one, self.new)) for one in self.new]
        return [*self.matches, *ended, *fresh]

    def _pair(
        self,
        rule: str,
        key: Callable[[KnownDivision], tuple[str, ...]],
        key_after: Callable[[KnownDivision], tuple[str, ...] | None] | None = None,
    ) -> None:
        """Match what has one key, where it is alone with it on its side."""
        olds: dict[tuple[str, ...], list[KnownDivision]] = defaultdict(list)
        news: dict[tuple[str, ...], list[KnownDivision]] = defaultdict(list)
        for one in self.old:
            olds[key(replace(one, parent=self._parent(one.parent)))].append(one)
        for one in self.new:
            if (found := (key_after or key)(one if self.homed else replace(one, parent=""))) is not None:
                news[found].append(one)
        taken_old, taken_new = set[int](), set[int]()
        for shared in olds.keys() & news.keys():
            if len(olds[shared]) == len(news[shared]) == 1:
                was, now = olds[shared][0], news[shared][0]
                self.matches.append(CodeMatch(rule, was, now, self._what_else(rule, was, now)))
                taken_old.add(id(was))
                taken_new.add(id(now))
        self.old = [one for one in self.old if id(one) not in taken_old]
        self.new = [one for one in self.new if id(one) not in taken_new]

    def _parent(self, code: str) -> str:
        return self.parents.get(code, code) if self.homed else ""

    def _what_else(self, rule: str, was: KnownDivision, now: KnownDivision) -> str:
        words = []
        if (
            self.homed
            and rule != "moved-parent"
            and was.parent
            and now.parent
            and self._parent(was.parent) != now.parent
        ):
            words.append(f"parent {was.parent} is {now.parent} now")
        if rule not in {"same-code", "renamed"} and was.code != now.code:
            words.append("another code")
        return "; ".join(words)

    def _why_not(self, one: KnownDivision, side: Sequence[KnownDivision]) -> str:
        """Say why no rule took a division."""
        same = [each.code for each in side if kind_of(each.name) == kind_of(one.name)]
        others = self.new if side is self.old else self.old
        there = [each.code for each in others if kind_of(each.name) == kind_of(one.name)]
        if there:
            return f"the name is there more than once: {', '.join(sorted({*same, *there}))}"
        return "neither its code nor its name is in the other list"


def _former_by(of: Callable[[KnownDivision], str]) -> Callable[[KnownDivision], tuple[str, ...] | None]:
    return lambda one: None if one.former_name is None else (of(one), kind_of(one.former_name))


# ------------------------------------------------------------------------------------------------------------ ground


def match_grids(before: Sequence[Grid], after: Sequence[Grid]) -> list[CodeMatch]:
    """Match the grids of two generations by codes and names, and what these leave by the ground.

    `same-ground`: nine tenths of either are the other. `merged`: nine tenths of a grid that is gone are in one of the
    other list; `split`: nine tenths of a new one were of one grid. A pair by code or name without any common ground is
    kept, and says so. A grid that was made of such ones, or went to them, is not `new` or `gone` beside them.
    """
    matches = match_codes(as_divisions(before), as_divisions(after))
    # The ground of a level is looked at where a code or a name of it changed.
    changed = {each.level for each in matches if not each.is_plain}
    ground = _Ground(*([grid for grid in side if grid.level in changed] for side in (before, after)))
    fresh = {_key(each.after) for each in matches if each.rule == "new"}
    found = [_by_ground(each, ground, fresh) for each in matches]
    explained = {(each.rule, _key(each.after)) for each in found if each.rule in {"same-ground", "merged"}}
    explained |= {(each.rule, _key(each.before)) for each in found if each.rule == "split"}
    return [each for each in found if not _is_explained(each, ground, explained)]


def _is_explained(match: CodeMatch, ground: _Ground, explained: set[tuple[str, _Key]]) -> bool:
    """Whether other rows say of nine tenths of a grid what it was, or what became of it."""
    if match.rule == "gone":
        key = _key(match.before)
        return ("split", key) in explained and ground.is_whole(key, of_before=True)
    if match.rule in {"new", "split"}:
        key = _key(match.after)
        merged = ("merged", key) in explained and ground.is_whole(key, of_before=False)
        return ("same-ground", key) in explained or (match.rule == "new" and merged)
    return False


def _by_ground(match: CodeMatch, ground: _Ground, fresh: set[_Key]) -> CodeMatch:
    """Return what the ground says of a pair; `fresh`: the grids that no other rule took."""
    was, now = match.before, match.after
    if was is not None and now is not None:
        if ground.meet(_key(was), _key(now)):
            return match
        return replace(match, why="; ".join(filter(None, (match.why, "no common ground"))))
    if was is not None and len(to := ground.holders(_key(was), of_before=True)) == 1:
        now = _division(ground.new[to[0]])
        if to[0] in fresh and ground.holders(to[0], of_before=False) == [_key(was)]:
            return CodeMatch("same-ground", was, now, "another code and name")
        return CodeMatch("merged", was, now, f"its ground is of {now.name}")
    if now is not None and len(of := ground.holders(_key(now), of_before=False)) == 1:
        was = _division(ground.old[of[0]])
        return CodeMatch("split", was, now, f"its ground was of {was.name}")
    return match


class _Ground:
    """The common ground of the grids of two generations, level by level."""

    def __init__(self, before: Sequence[Grid], after: Sequence[Grid]) -> None:
        self.old = {(grid.level, grid.code): grid for grid in before}
        self.new = {(grid.level, grid.code): grid for grid in after}
        self.area: dict[tuple[bool, _Key], float] = {}
        self.shared: dict[tuple[bool, _Key], dict[_Key, float]] = defaultdict(dict)
        for level in Level:
            olds = [key for key in self.old if key[0] == level]
            news = [key for key in self.new if key[0] == level]
            if olds and news:
                self._measure(olds, news)

    def _measure(self, olds: Sequence[_Key], news: Sequence[_Key]) -> None:
        old = np.array([topology.valid(self.old[key].geometry) for key in olds], dtype=object)
        new = np.array([topology.valid(self.new[key].geometry) for key in news], dtype=object)
        for of_before, keys, shapes in ((True, olds, old), (False, news, new)):
            for key, area_m2 in zip(keys, topology.areas_m2(shapes).tolist(), strict=True):
                self.area[of_before, key] = area_m2
        a, b = shapely.STRtree(new).query(old, predicate="intersects")
        areas = topology.areas_m2(shapely.intersection(old[a], new[b]))
        for i, j, area_m2 in zip(a.tolist(), b.tolist(), areas.tolist(), strict=True):
            if area_m2 >= topology.NOISE_M2:
                self.shared[True, olds[i]][news[j]] = area_m2
                self.shared[False, news[j]][olds[i]] = area_m2

    def holders(self, key: _Key, *, of_before: bool) -> list[_Key]:
        """Return the grids of the other side that hold nine tenths of one; none, or one unless they overlap."""
        whole = self.area.get((of_before, key), 0.0)
        parts = self.shared.get((of_before, key), {})
        return sorted(other for other, area_m2 in parts.items() if area_m2 >= _WHOLE * whole > 0)

    def is_whole(self, key: _Key, *, of_before: bool) -> bool:
        """Whether grids of the other side that lie in this one hold nine tenths of it together."""
        parts = self.shared.get((of_before, key), {})
        inside = [
            area_m2
            for other, area_m2 in parts.items()
            if area_m2 >= _WHOLE * self.area.get((not of_before, other), np.inf)
        ]
        return sum(inside) >= _WHOLE * self.area.get((of_before, key), np.inf)

    def meet(self, was: _Key, now: _Key) -> bool:
        """Whether two grids have common ground; True where one has none to compare."""
        if min(self.area.get((True, was), 0.0), self.area.get((False, now), 0.0)) == 0:
            return True
        return now in self.shared.get((True, was), {})


def as_divisions(side: Sequence[Grid]) -> list[KnownDivision]:
    """Return grids as the statistics list them: a village is in its township, whatever area lies between."""
    by_code = {grid.code: grid for grid in side}
    return [replace(_division(grid), parent=_home(grid, by_code)) for grid in side]


def _home(grid: Grid, by_code: Mapping[str, Grid]) -> str:
    """Return the township of a grid below one, else its parent."""
    above = None if grid.parent is None else by_code.get(grid.parent)
    while above is not None and above.level > Level.TOWNSHIP and above.parent is not None:
        further = by_code.get(above.parent)
        above = further if further is not None and further.level < above.level else None
    return above.code if above is not None and above.level == Level.TOWNSHIP else grid.parent or ""


def _division(grid: Grid) -> KnownDivision:
    return KnownDivision(grid.level, grid.code, grid.name, grid.parent or "", None, grid.urban_rural_code)


def _key(one: KnownDivision | None) -> _Key:
    assert one is not None
    return one.level, one.code
