"""Two lists of codes of a district against each other: of files, of generations, or the national list (R4)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridsvc.db.grids import generations as store
from gridsvc.errors import InvalidInput
from gridsvc.files.grids.code_lists import read_code_list, write_matches
from gridsvc.files.grids.divisions import list_divisions
from gridsvc.files.text import check_ending
from gridsvc.grids.code_lists import as_divisions, match_codes, match_grids, summary_of
from gridsvc.grids.levels import Grid
from gridsvc.operations.grids.checks import find_checked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridsvc.grids.code_lists import CodeMatch
    from gridsvc.grids.levels import Level
    from gridsvc.grids.naming import KnownDivision
    from gridsvc.operations.runtime.service import Service

    Side = Sequence[Grid | KnownDivision]

KNOWN = "known"
"""Names the national list that the program has of the district."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Every division of two lists, `before` and `after` in words; left_out: levels that one of them lacks."""

    district: str
    before: str
    after: str
    left_out: tuple[str, ...]
    matches: list[CodeMatch]

    def as_json(self) -> dict[str, Any]:
        """Return {district, before, after, left_out, counts, gone, new, matches}."""
        return {
            "district": self.district,
            "before": self.before,
            "after": self.after,
            "left_out": list(self.left_out),
            **summary_of(self.matches),
            "matches": [each.as_json() for each in self.matches],
        }


def compare_lists(
    service: Service, district: str, before: str, after: str | None, *, level: Level | None = None,
    out: Path | None = None,
) -> Compared:  # fmt: skip
    """Compare two lists: each a CSV file, the number of a generation, or `known`; after None: the draft, else in force.

    Two generations are compared by their ground, too.
    """
    if out is not None:
        check_ending(out, (".csv",))
    old, of_old = _read(service, district, before, level)
    new, of_new = _read(service, district, after, level)
    levels = {one.level for one in old} & {one.level for one in new}
    if level is not None:
        levels &= {level}
    if not levels:
        have, want = _levels(old), _levels(new)
        raise InvalidInput(
            f"{of_old} and {of_new} have no level in common: {have} and {want}. Give two lists of one level.",
            kind="no-common-level",
            before=of_old,
            after=of_new,
            levels_before=have,
            levels_after=want,
        )
    left_out = sorted({one.level for one in (*old, *new)} - levels)
    matches = [each for each in _match(old, new) if each.level in levels]
    if out is not None:
        write_matches(out, matches)
    return Compared(district, of_old, of_new, tuple(one.key for one in left_out), matches)


def _match(before: Side, after: Side) -> list[CodeMatch]:
    olds, news = ([one for one in side if isinstance(one, Grid)] for side in (before, after))
    if olds and news:
        return match_grids(olds, news)
    first, second = ([*as_divisions(grids), *(one for one in side if not isinstance(one, Grid))]
                     for grids, side in ((olds, before), (news, after)))  # fmt: skip
    return match_codes(first, second)


def _read(service: Service, district: str, named: str | None, level: Level | None) -> tuple[Side, str]:
    """Return the divisions that a word of the caller names, and what they are in words."""
    if named is None or named.isdecimal():
        with service.database.transaction() as connection:
            generation = (
                find_checked(connection, district)
                if named is None
                else store.get_generation(connection, district, int(named))
            )
            grids = store.list_grids(connection, district, generation.number)
        return grids, f"generation {generation.number}"
    if named == KNOWN:
        known = list_divisions(district)
        if not known:
            raise InvalidInput(
                f"The program has no national list of district {district}. Give a CSV file with code and name.",
                kind="no-list",
                district=district,
            )
        return known, f"the national list of {district}"
    return read_code_list(Path(named), level=level), named


def _levels(side: Side) -> str:
    return ", ".join(sorted({one.level.key for one in side})) or "nothing"
