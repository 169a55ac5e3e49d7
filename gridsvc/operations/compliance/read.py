"""Read the cases of a period into columns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.compliance.history import CaseColumns, History, Period, RecordedPolicy, TeamColumns
from gridsvc.compliance.labels import Labels
from gridsvc.db.cases.columns import (
    list_case_columns,
    list_grid_names,
    list_team_columns,
    list_team_units,
    list_type_names,
)
from gridsvc.db.evidence.documents import get_document
from gridsvc.db.grids.versions import get_versions, list_districts
from gridsvc.errors import TooLarge
from gridsvc.law import ClockRules, township_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.db.grids.versions import Versions
    from gridsvc.operations.runtime.service import Service


def read_history(
    service: Service, district: str, *, since: datetime | None = None, until: datetime | None = None
) -> History:
    """Return the live cases and drills of a district that were received from `since` until before `until`.

    Of a caller who is limited to a grid: those of that grid, with all teams that were sent to them.
    """
    with service.database.snapshot() as connection:
        return history_of(connection, district, since=since, until=until)


def history_of(
    connection: Connection,
    district: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    most: int | None = None,
) -> History:
    """Return what `read_history` does, from a transaction whose statements see one snapshot.

    Raises
    ------
    TooLarge
        Where there are more cases than `most`.
    """
    versions = get_versions(connection, district)
    about = next(each for each in list_districts(connection) if each.code == district)
    cases = Columns(at_most(list_case_columns(connection, district, since, until), most), _CASES)
    teams = Columns(list_team_columns(connection, district, since, until), _TEAMS)
    units = {team: (unit, name) for team, unit, name in list_team_units(connection, district)}
    policies, policy = _policies(connection, district, cases)
    sent = teams.labels("team")
    grids = list_grid_names(connection, district)
    return History(
        _cases(cases, policy, synthetic=about.synthetic),
        _teams(teams, cases["id"], sent, [units[team][0] if team in units else None for team in sent.words]),
        Period(versions.now, about.time_zone, since, until),
        policies,
        "live",
        grids
        | {
            "team": {team: units[team][1] for team in sent.words if team in units},
            "unit": _unit_names(connection, versions, grids["township"], {unit for unit, _ in units.values()}),
            "type": list_type_names(connection, district, cases.labels("type").words),
        },
    )


def _unit_names(
    connection: Connection, versions: Versions, townships: Mapping[str, str], wanted: set[str]
) -> dict[str, str]:
    """Return what units are called in the catalogue in force; a township's is called as the township."""
    found = {township_unit(code): name for code, name in townships.items()}
    if versions.catalogue is not None:
        catalogue = json.loads(get_document(connection, versions.district, "catalogue", versions.catalogue))
        found |= {unit["id"]: unit["name"] for unit in catalogue["units"]}
    return {unit: found[unit] for unit in sorted(wanted) if unit in found}


def at_most(pieces: Iterable[Sequence[tuple[Any, ...]]], most: int | None) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Yield pieces of columns; TooLarge where they have more rows than `most`."""
    count = 0
    for piece in pieces:
        count += len(piece[0])
        if most is not None and count > most:
            raise TooLarge(
                f"The period has more than {most} cases, too many for one answer. Ask for a shorter period, or use "
                "`gridsvc compliance`.",
                kind="too-many-cases",
                most=most,
            )
        yield piece


_TIMES = ("received", "triggered", "accepted", "assigned", "handled", "feedback", "archived", "cancelled_at")
_TEAM_TIMES = ("since", "acknowledged", "en_route", "on_scene", "until")
_CASES = (
    "id", "number", *_TIMES, "open", "cancelled", "duplicate", "drill", "emergency", "target_s", "lon", "lat", "policy",
    "version", "response_class", "type", "regional", "township", "area", "village", "timing",
)  # fmt: skip
_TEAMS = ("case", "team", "slot", "lead", *_TEAM_TIMES, "outcome", "travel_s", "response_s")


class Columns:
    """The columns of a query by name, from its pieces; numbers become arrays at once, so that few objects are kept."""

    def __init__(self, pieces: Iterable[Sequence[tuple[Any, ...]]], names: Sequence[str]) -> None:
        self._names = names
        self._parts: dict[str, list[Any]] = {name: [] for name in names}
        self._words: dict[str, dict[str, int]] = {name: {} for name in names}
        for piece in pieces:
            for name, column in zip(names, piece, strict=True):
                self._parts[name].append(self._packed(name, column))

    def _packed(self, name: str, column: tuple[Any, ...]) -> Any:  # noqa: ANN401
        if name in _WORDS:
            known = self._words[name]
            codes = [-1 if word is None else known.setdefault(word, len(known)) for word in column]
            return np.array(codes, dtype=np.int32)
        return np.array(column, dtype=_TYPES.get(name, np.int64))

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401
        parts = self._parts[name]
        return np.concatenate(parts) if parts else np.empty(0, _TYPES.get(name, np.int64))

    def labels(self, name: str) -> Labels:
        """Return a column of words."""
        parts = self._parts[name]
        codes = np.concatenate(parts) if parts else np.empty(0, np.int32)
        return Labels(codes, tuple(self._words[name]))


_TYPES: dict[str, Any] = {
    "id": object, "open": bool, "cancelled": bool, "duplicate": bool, "drill": bool, "emergency": bool, "lead": bool,
    "case": object, "target_s": np.int32, "lon": np.float64, "lat": np.float64, "travel_s": np.float64,
    "response_s": np.float64,
}  # fmt: skip
_WORDS = {
    "policy", "version", "response_class", "type", "regional", "township", "area", "village", "timing",
    "team", "slot", "outcome", "unit", "place",
}  # fmt: skip


def _policies(
    connection: Connection, district: str, cases: Columns
) -> tuple[tuple[RecordedPolicy, ...], np.ndarray[Any, np.dtype[np.int16]]]:
    """Return the clock policies that the cases were reported under, and the row of each case's."""
    ids, versions = cases.labels("policy"), cases.labels("version")
    rules = {
        digest: ClockRules.from_document(get_document(connection, district, "clock_policies", digest))
        for digest in versions.words
    }
    found: dict[tuple[int, int], int] = {}
    recorded: list[RecordedPolicy] = []
    pairs = ids.codes.astype(np.int64) * (len(versions.words) + 1) + versions.codes
    of_case = np.full(len(pairs), -1, dtype=np.int16)
    for pair in np.unique(pairs):
        rows = pairs == pair
        first = int(np.argmax(rows))
        policy, version = ids[first], versions[first]
        known = None if policy is None or version is None else rules[version].policies.get(policy)
        if known is not None and version is not None:
            of_case[rows] = found.setdefault((int(ids.codes[first]), int(versions.codes[first])), len(recorded))
            recorded.append(RecordedPolicy(known, version))
    return tuple(recorded), of_case


def _cases(cases: Columns, policy: np.ndarray[Any, np.dtype[np.int16]], *, synthetic: bool) -> CaseColumns:
    times = {f"{name.removesuffix('_at')}_us": cases[name] for name in _TIMES}
    columns: dict[str, Any] = times
    plain = ("id", "number", "open", "cancelled", "duplicate", "drill", "emergency", "target_s", "lon", "lat")
    words = ("response_class", "type", "regional", "township", "area", "village", "timing")
    columns |= {name: cases[name] for name in plain} | {name: cases.labels(name) for name in words}
    columns |= {"policy": policy, "synthetic": np.full(len(policy), synthetic)}
    return CaseColumns(**columns)


def _teams(teams: Columns, case_ids: Any, sent: Labels, units: Sequence[str | None]) -> TeamColumns:  # noqa: ANN401
    row_of = {case: row for row, case in enumerate(case_ids)}
    unit = Labels.of(units)
    codes = np.where(sent.codes < 0, -1, unit.codes[sent.codes] if len(unit) else -1).astype(np.int32)
    return TeamColumns(
        case=np.array([row_of[case] for case in teams["case"]], dtype=np.int32),
        team=sent,
        unit=Labels(codes, unit.words),
        slot=teams.labels("slot"),
        lead=teams["lead"],
        outcome=teams.labels("outcome"),
        predicted_travel_s=teams["travel_s"],
        predicted_response_s=teams["response_s"],
        **{f"{name}_us": teams[name] for name in _TEAM_TIMES},
    )
