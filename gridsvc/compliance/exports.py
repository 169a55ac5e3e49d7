"""Rows of a dispatch system's export as a history: one case for each case id, one team for each row.

A row that is there twice counts once. No figure depends on the order of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.compliance.call_map import STAMPS
from gridsvc.compliance.history import CaseColumns, History, TeamColumns
from gridsvc.compliance.labels import Labels
from gridsvc.compliance.local_time import from_local
from gridsvc.times import MISSING, to_us

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from gridsvc.compliance.call_map import CallMap
    from gridsvc.compliance.history import Period
    from gridsvc.json_types import Json


@dataclass(frozen=True, slots=True, eq=False)
class CallRows:
    """The usable rows of an export, as its map names them, n rows.

    stamps: (n,) microseconds each, MISSING = none: in UTC where `in_utc`, else of the clock on the wall. words: by the
    names of `call_map.WORDS`. conditions: (n,) masks by the names of `CallMap.conditions`. lon, lat: degrees WGS-84,
    NaN = unknown.
    """

    stamps: Mapping[str, NDArray[np.int64]]
    in_utc: Mapping[str, NDArray[np.bool_]]
    words: Mapping[str, Labels]
    conditions: Mapping[str, NDArray[np.bool_]]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.words["case"])

    def take(self, rows: NDArray[np.int64]) -> CallRows:
        """Return some of the rows."""
        return CallRows(
            {name: column[rows] for name, column in self.stamps.items()},
            {name: column[rows] for name, column in self.in_utc.items()},
            {name: labels.take(rows) for name, labels in self.words.items()},
            {name: mask[rows] for name, mask in self.conditions.items()},
            self.lon[rows],
            self.lat[rows],
        )

    def stamp(self, name: str) -> NDArray[np.int64]:
        """Return a column of stamps, MISSING where the export has no such column."""
        return self.stamps[name] if name in self.stamps else np.full(len(self), MISSING, dtype=np.int64)

    def word(self, name: str) -> Labels:
        """Return a column of words, without any where the export has no such column."""
        return self.words[name] if name in self.words else Labels.none(len(self))


@dataclass(frozen=True, slots=True)
class Noticed:
    """What was noticed about the usable rows of an export.

    repeated: rows that were there before. twice, never: rows with a time in an hour that comes twice, at the end of
    summer time, or in one that does not come, at its beginning.
    """

    repeated: int
    twice: int
    never: int

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values."""
        return {"repeated_rows": self.repeated, "in_an_hour_twice": self.twice, "in_an_hour_never": self.never}


def history_of_calls(rows: CallRows, of: CallMap, period: Period, *, source: str = "file") -> tuple[History, Noticed]:
    """Return the cases of an export that were received in a period, and what was noticed about all its rows."""
    kept = _first_of_equal(rows)
    repeated = len(rows) - len(kept)
    rows = rows.take(kept) if repeated else rows
    rows, twice, never = _in_utc(rows, of.time_zone)
    # The row that speaks for its case is the first by these, whichever order the file has.
    team = rows.word("team") if "team" in rows.words else rows.word("unit")
    name = _name_order(team)
    by_order = (name, _last_if_missing(rows.stamp("dispatched")))
    case = rows.words["case"]
    ordered = np.lexsort((*by_order, _last_if_missing(rows.stamp("received")), case.codes))
    first, case_row = _groups(case.codes, ordered)
    lead = rows.conditions.get("lead")
    if lead is None:
        lead = np.zeros(len(rows), dtype=bool)
        lead[_groups(case.codes, np.lexsort((*by_order, case.codes)))[0]] = True
    cases = _cases(rows, of, first, case_row)
    teams = _teams(rows, team, case_row, lead)
    history = History(cases, teams, period, (), source, {})
    return _within(history), Noticed(repeated, twice, never)


def _first_of_equal(rows: CallRows) -> NDArray[np.int64]:
    """Return one row of each set of rows that are equal in all that the map names."""
    columns: list[NDArray[Any]] = [rows.stamps[name] for name in sorted(rows.stamps)]
    columns += [rows.words[name].codes for name in sorted(rows.words)]
    columns += [rows.conditions[name] for name in sorted(rows.conditions)]
    columns += [np.nan_to_num(each, nan=1e9).view(np.int64) for each in (rows.lon, rows.lat)]
    mixed = np.zeros(len(rows), dtype=np.uint64)
    for column in columns:  # a hash that finds the candidates; what is equal is compared below
        mixed = (mixed ^ column.astype(np.int64).view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    order = np.argsort(mixed, kind="stable")
    same = np.flatnonzero(mixed[order][1:] == mixed[order][:-1])
    for column in columns:
        same = same[column[order[same]] == column[order[same + 1]]]
    keep = np.ones(len(rows), dtype=bool)
    keep[order[same + 1]] = False
    return np.flatnonzero(keep)


def _in_utc(rows: CallRows, time_zone: str) -> tuple[CallRows, int, int]:
    """Return the rows with all times in UTC, and how many have one in an hour that comes twice, or never."""
    names = [name for name in STAMPS if name in rows.stamps]
    on_wall = [np.where(rows.in_utc[name], MISSING, rows.stamps[name]) for name in names]
    moments = from_local(on_wall, time_zone)
    stamps = {
        name: np.where(rows.in_utc[name], rows.stamps[name], read)
        for name, read in zip(names, moments.at_us, strict=True)
    }
    in_utc = {name: np.ones(len(rows), dtype=bool) for name in names}
    known = CallRows(stamps, in_utc, rows.words, rows.conditions, rows.lon, rows.lat)
    return known, int(moments.twice.sum()), int(moments.never.sum())


def _last_if_missing(at_us: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return a key that sorts times by time, and MISSING behind them."""
    return at_us.astype(np.uint64) + np.uint64(2**63) - np.uint64(1)


def _name_order(labels: Labels) -> NDArray[np.int64]:
    """Return a key that sorts words as texts."""
    place = np.empty(len(labels.words) + 1, dtype=np.int64)
    order = np.argsort(np.array(labels.words, dtype=object), kind="stable")
    place[order] = np.arange(len(order))
    place[-1] = -1
    return place[labels.codes]


def _groups(codes: NDArray[np.int32], order: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the first row of each group in an order that keeps groups together, and the number of each row's group."""
    sorted_codes = codes[order]
    begins = np.ones(len(order), dtype=bool)
    begins[1:] = sorted_codes[1:] != sorted_codes[:-1]
    number = np.empty(len(order), dtype=np.int32)
    number[order] = np.cumsum(begins, dtype=np.int32) - 1
    return order[begins], number


def _earliest(at_us: NDArray[np.int64], case_row: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    known = at_us != MISSING
    found = np.full(count, np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(found, case_row[known], at_us[known])
    found[found == np.iinfo(np.int64).max] = MISSING
    return found


def _cases(rows: CallRows, of: CallMap, first: NDArray[np.int64], case_row: NDArray[np.int32]) -> CaseColumns:
    count = len(first)

    def any_row(name: str, *, else_: bool) -> NDArray[np.bool_]:
        if name not in rows.conditions:
            return np.full(count, else_)
        found = np.zeros(count, dtype=bool)
        found[case_row[rows.conditions[name]]] = True
        return found

    never = np.full(count, MISSING, dtype=np.int64)
    said = rows.word("class").take(first)
    response_class = Labels.of(None if word is None else of.classes.get(word) for word in said.tolist())
    target_s = np.full(count, of.targets_s.get("any", -1), dtype=np.int32)
    for word, seconds in of.targets_s.items():
        target_s[response_class.equals(word)] = seconds
    case = rows.words["case"].take(first)
    received_us = _earliest(rows.stamp("received"), case_row, count)
    no = np.zeros(count, dtype=bool)
    return CaseColumns(
        id=np.array(case.words, dtype=object)[case.codes] if count else np.empty(0, dtype=object),
        number=np.full(count, -1, dtype=np.int64),
        received_us=received_us,
        triggered_us=received_us,
        accepted_us=never,
        assigned_us=_earliest(rows.stamp("dispatched"), case_row, count),
        handled_us=never,
        feedback_us=never,
        archived_us=never,
        cancelled_us=never,
        open=no,
        cancelled=any_row("cancelled", else_=False),
        duplicate=no,
        drill=any_row("drill", else_=False),
        emergency=any_row("emergency", else_=True),
        synthetic=no,
        target_s=target_s,
        policy=np.full(count, -1, dtype=np.int16),
        lon=rows.lon[first],
        lat=rows.lat[first],
        response_class=response_class,
        timing=Labels.none(count),
        type=_renamed(rows.word("type").take(first), of.types),
        **{name: rows.word(name).take(first) for name in ("regional", "township", "area", "village")},
    )


def _renamed(labels: Labels, names: Mapping[str, str]) -> Labels:
    """Return the labels with the words that have another name replaced; two words may become one."""
    if not names:
        return labels
    known: dict[str, int] = {}
    new = [known.setdefault(names.get(word, word), len(known)) for word in labels.words]
    return Labels(np.array([*new, -1], dtype=np.int32)[labels.codes], tuple(known))


def _teams(rows: CallRows, team: Labels, case_row: NDArray[np.int32], lead: NDArray[np.bool_]) -> TeamColumns:
    """Return a team for each row that names one or has a stamp of one."""
    sent = team.codes >= 0
    for name in ("dispatched", "en_route", "on_scene"):
        sent |= rows.stamp(name) != MISSING
    some = np.flatnonzero(sent)
    unknown = np.full(len(some), np.nan)
    team = team.take(some)
    return TeamColumns(
        case=case_row[some],
        team=team,
        unit=rows.words["unit"].take(some) if "unit" in rows.words else team,
        slot=team,
        lead=lead[some],
        since_us=rows.stamp("dispatched")[some],
        acknowledged_us=rows.stamp("acknowledged")[some],
        en_route_us=rows.stamp("en_route")[some],
        on_scene_us=rows.stamp("on_scene")[some],
        until_us=rows.stamp("cleared")[some],
        outcome=Labels.none(len(some)),
        predicted_travel_s=unknown,
        predicted_response_s=unknown,
    )


def _within(history: History) -> History:
    """Return the cases that were received in the period of the history; one without that time is in no period."""
    received_us, period = history.cases.received_us, history.period
    if period.since is None and period.until is None:
        return history
    wanted = received_us != MISSING
    if period.since is not None:
        wanted &= received_us >= to_us(period.since)
    if period.until is not None:
        wanted &= received_us < to_us(period.until)
    return history.select(wanted)
