"""The map of a dispatch system's export: which of its columns is what, and how it writes times."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gridsvc.coordinates import Datum
from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gridsvc.json_types import Json

STAMPS = ("received", "dispatched", "acknowledged", "en_route", "on_scene", "cleared")
"""The times of a row, in the order in which they happen; `received` is needed."""
WORDS = ("case", "team", "unit", "type", "class", "regional", "township", "area", "village")
"""The words of a row; `case` is needed. `team` is the vehicle or crew; without `unit` it is its own unit."""
PLACE = ("lon", "lat", "point")
"""The position of a row: two columns in degrees, or `point`, one with both in brackets."""
COLUMNS = (*STAMPS, *WORDS, *PLACE)

ISO = "iso"
EPOCH_UNITS = {"epoch_s": 1_000_000, "epoch_ms": 1000}


@dataclass(frozen=True, slots=True)
class Condition:
    """Rows in which a column of the file has one of some values."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallMap:
    """Which column of an export is what.

    columns: {one of COLUMNS: the titles in the file; several are joined by a blank, such as a date and a time}.
    time_formats: strptime formats that are tried in this order, `iso`, `epoch_s` or `epoch_ms`. time_zone: of times
    without an offset (IANA). lead: the rows of the lead; None = the unit that was ordered first. emergency, drill,
    cancelled: the cases that are one; None = all are emergencies, none is a drill or was cancelled. types: {value in
    the file: type of a run card}; another value stays as it is. classes: {value in the file: class}. targets_s: {class
    or `any`: seconds}. latitude_first: of `point`. datum: of the positions; they are converted to WGS-84.
    """

    id: str
    name: str
    columns: Mapping[str, tuple[str, ...]]
    time_formats: tuple[str, ...]
    time_zone: str
    lead: Condition | None = None
    emergency: Condition | None = None
    drill: Condition | None = None
    cancelled: Condition | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    targets_s: Mapping[str, int] = field(default_factory=dict)
    latitude_first: bool = True
    datum: str = "WGS-84"

    def __post_init__(self) -> None:
        for needed in ("case", "received"):
            if needed not in self.columns:
                raise InvalidInput(
                    f"The map {self.id} names no column `{needed}`. Add it below [columns].",
                    kind="map-without-column",
                    map=self.id,
                    column=needed,
                )
        for name in self.columns:
            if name not in COLUMNS:
                raise InvalidInput(
                    f"The map {self.id} has an unknown column {name[:40]!r}. Use: {', '.join(COLUMNS)}.",
                    kind="map-unknown-column",
                    map=self.id,
                    column=name[:40],
                    known=list(COLUMNS),
                )
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise InvalidInput(
                f"The map {self.id}: {self.time_zone[:40]!r} is no time zone. Use a name such as Asia/Shanghai.",
                kind="unknown-time-zone",
                map=self.id,
                time_zone=self.time_zone[:40],
            ) from None
        Datum.from_name(self.datum)

    @property
    def conditions(self) -> dict[str, Condition]:
        """Those that the map has, by name."""
        found = {"lead": self.lead, "emergency": self.emergency, "drill": self.drill, "cancelled": self.cancelled}
        return {name: each for name, each in found.items() if each is not None}

    def titles(self) -> set[str]:
        """Return every title that the file must have."""
        named = {title for titles in self.columns.values() for title in titles}
        return named | {each.column for each in self.conditions.values()}

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values, what is empty left out."""
        conditions = {
            name: {"column": each.column, "values": list(each.values)} for name, each in self.conditions.items()
        }
        tables = {"types": self.types, "classes": self.classes, "targets_s": self.targets_s}
        return {
            "id": self.id,
            "name": self.name,
            "time_zone": self.time_zone,
            "time_format": list(self.time_formats),
            "latitude_first": self.latitude_first,
            "datum": str(Datum.from_name(self.datum).value),
            "columns": {name: list(titles) for name, titles in self.columns.items()},
            **conditions,
            **{name: dict(each) for name, each in tables.items() if each},
        }
