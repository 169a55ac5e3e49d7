"""The cases of other dispatch systems that were loaded, as a history of their own: never pooled with live cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.compliance.history import CaseColumns, History, Period, TeamColumns
from gridsvc.compliance.labels import Labels
from gridsvc.db.cases import imported
from gridsvc.db.cases.columns import list_grid_names
from gridsvc.db.grids.versions import get_versions
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.operations.compliance.read import Columns, at_most
from gridsvc.times import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.db.cases.imported import ImportedFile
    from gridsvc.json_types import Json

_CASES = (
    "key", "id", "received", "assigned", "cancelled", "drill", "emergency", "target_s", "lon", "lat", "response_class",
    "type", "place", "regional", "township", "area", "village",
)  # fmt: skip
_TIMES = ("since", "acknowledged", "en_route", "on_scene", "until")
_TEAMS = ("key", "team", "unit", "lead", *_TIMES)


SHORTEST_DIGEST = 8
"""So many characters name a file."""


@dataclass(frozen=True, slots=True)
class Imported:
    """Which imported cases are asked for: those of all files, or of the one whose digest begins with `only`."""

    only: str | None = None


@dataclass(frozen=True, slots=True)
class Imports:
    """The files whose cases are read; all have the same time zone."""

    district: str
    files: tuple[ImportedFile, ...]

    @property
    def time_zone(self) -> str:
        """In which days, hours and the ends of periods are."""
        return self.files[0].time_zone

    def as_json(self, history: History) -> list[dict[str, Json]]:
        """Return each file with the number of its cases in a history."""
        number = history.cases.number  # of the file
        return [
            {"digest": each.digest, "name": each.name, "map": each.map["id"], "loaded_at": each.loaded_at.isoformat(),
             "cases": int((number == each.number).sum())}
            for each in self.files
        ]  # fmt: skip


def get_imports(connection: Connection, district: str, asked: Imported) -> Imports:
    """Return the files that are asked for.

    Raises
    ------
    NotFound
        Where no file is loaded, or none has such a digest.
    InvalidInput
        Where several are asked for that are of different time zones.
    """
    files = imported.list_files(connection, district)
    if not files:
        raise NotFound(
            f"No cases of another system are loaded into district {district}. Load an export: `gridsvc load incidents "
            "FILE --map MAP`.",
            kind="no-import",
            district=district,
        )
    if asked.only is not None:
        files = [find_file(files, district, asked.only)]
    zones = sorted({each.time_zone for each in files})
    if len(zones) > 1:
        known = [f"{each.digest[:12]} ({each.name})" for each in files]
        raise InvalidInput(
            f"The imported files of district {district} have their clocks in {', '.join(zones)}. Ask for one of them "
            f"with `only`: {', '.join(known)}.",
            kind="imports-differ",
            district=district,
            zones=zones,
            known=known,
        )
    return Imports(district, tuple(files))


def find_file(files: Sequence[ImportedFile], district: str, digest: str) -> ImportedFile:
    """Return the file whose digest begins so; NotFound, with the digests, where it is not exactly one."""
    word = digest.strip().lower()
    found = [each for each in files if each.digest.startswith(word)] if len(word) >= SHORTEST_DIGEST else []
    if len(found) == 1:
        return found[0]
    known = [f"{each.digest[:12]} ({each.name})" for each in files]
    listed = ", ".join(known) or "none"
    raise NotFound(
        f"District {district} has no imported file of the digest {digest[:64]!r}. Give at least {SHORTEST_DIGEST} "
        f"characters of one of: {listed}.",
        kind="no-import",
        district=district,
        digest=digest[:64],
        shortest=SHORTEST_DIGEST,
        known=known,
    )


def imported_history(
    connection: Connection,
    imports: Imports,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    most: int | None = None,
) -> History:
    """Return the imported cases that were received from `since` until before `until`, from one snapshot.

    `number` of a case is that of its file. A level without an owner has what the file says. Raises TooLarge where there
    are more cases than `most`.
    """
    district = imports.district
    wanted = imported.Wanted(tuple(each.number for each in imports.files), since, until)
    cases = Columns(at_most(imported.list_case_columns(connection, district, wanted), most), _CASES)
    teams = Columns(imported.list_team_columns(connection, district, wanted), _TEAMS)
    key = cases["key"]
    order = np.argsort(key)
    return History(
        _cases(cases),
        _teams(teams, order[np.searchsorted(key[order], teams["key"])]),
        Period(get_versions(connection, district).now, imports.time_zone, since, until),
        (),
        "imported",
        list_grid_names(connection, district),
    )


def _cases(cases: Columns) -> CaseColumns:
    received, count = cases["received"], len(cases["received"])
    never, no = np.full(count, MISSING, np.int64), np.zeros(count, bool)
    words = ("response_class", "type", "regional", "township", "area", "village")
    return CaseColumns(
        id=cases["id"],
        number=cases["key"] >> 32,
        received_us=received,
        triggered_us=received,
        accepted_us=never,
        assigned_us=cases["assigned"],
        handled_us=never,
        feedback_us=never,
        archived_us=never,
        cancelled_us=never,
        open=no,
        cancelled=cases["cancelled"],
        duplicate=no,
        drill=cases["drill"],
        emergency=cases["emergency"],
        synthetic=no,
        target_s=cases["target_s"],
        policy=np.full(count, -1, np.int16),
        lon=cases["lon"],
        lat=cases["lat"],
        timing=Labels.none(count),
        **{name: cases.labels(name) for name in words},
    )


def _teams(teams: Columns, case: Any) -> TeamColumns:  # noqa: ANN401 - (m,) rows of the cases
    team, count = teams.labels("team"), len(case)
    unknown = np.full(count, np.nan)
    return TeamColumns(
        case=case.astype(np.int32),
        team=team,
        unit=teams.labels("unit"),
        slot=team,
        lead=teams["lead"],
        outcome=Labels.none(count),
        predicted_travel_s=unknown,
        predicted_response_s=unknown,
        **{f"{name}_us": teams[name] for name in _TIMES},
    )
