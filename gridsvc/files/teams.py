"""Read and write teams (CSV)."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

from gridsvc.errors import InvalidInput
from gridsvc.files.law.catalogue import read_csv
from gridsvc.teams.model import Roster, Team, TeamKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gridsvc.law import Catalogue

COLUMNS = (
    "id", "name", "unit", "kind", "lon", "lat", "township", "areas", "region", "represents", "skills", "equipment",
    "staff_needed", "turnout_s",
)  # fmt: skip
NEEDED = COLUMNS[:6]
SEPARATOR = ";"


def read_teams(path: Path, catalogue: Catalogue | None = None) -> list[Team]:
    """Read teams from a CSV with the columns of COLUMNS (the first six must be there; lists separated by `;`).

    A unit may be named by id, name or alias where a catalogue is given; an unknown one is refused then.
    """
    teams = []
    for line, row in read_csv(path, NEEDED):
        where = f"{path}, line {line}"
        if row["kind"] not in list(TeamKind):
            raise InvalidInput(f"{where}: kind {row['kind']!r}; use one of {', '.join(TeamKind)}.")
        unit = row["unit"]
        if catalogue is not None:
            found = catalogue.find_unit_by_name(unit) or catalogue.find_unit(unit)
            if found is None:
                raise InvalidInput(f"{where}: no unit is called {unit!r}; add it to units.toml or correct it.")
            unit = found.id
        teams.append(
            Team(
                id=row["id"],
                name=row["name"],
                unit=unit,
                kind=TeamKind(row["kind"]),
                lon=_number(row["lon"], where, "lon"),
                lat=_number(row["lat"], where, "lat"),
                township=row.get("township") or None,
                areas=tuple(_list(row.get("areas"))),
                region=row.get("region") or None,
                represents=tuple(_list(row.get("represents"))),
                skills=frozenset(_list(row.get("skills"))),
                equipment=frozenset(_list(row.get("equipment"))),
                staff_needed=int(_number(row.get("staff_needed") or "2", where, "staff_needed")),
                turnout_s=int(_number(row["turnout_s"], where, "turnout_s")) if row.get("turnout_s") else None,
            )
        )
    if not teams:
        raise InvalidInput(f"{path} holds no teams; give one line a team.")
    try:
        return list(Roster(tuple(teams)).teams)
    except InvalidInput as refusal:
        raise InvalidInput(f"{path}: {refusal.detail}") from None


def write_teams(teams: Iterable[Team]) -> str:
    """Return the CSV text that `read_teams` reads back."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for team in teams:
        row = team.as_json()
        lists = {name: SEPARATOR.join(value) for name, value in row.items() if isinstance(value, list)}
        writer.writerow({**row, **lists})
    return out.getvalue()


def _list(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(SEPARATOR) if part.strip()]


def _number(text: str, where: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidInput(f"{where}: {name} is {text[:60]!r}. Give a number.")
    return value
