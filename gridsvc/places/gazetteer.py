"""The gazetteer of a district: an immutable index of named things, built in memory and stored as plain rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from gridsvc.places.model import DistrictName, Entry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gridsvc.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """Named things of one district, and of its neighbours as `elsewhere`. Build with `Gazetteer.of`."""

    district: DistrictName
    entries: tuple[Entry, ...]
    names: dict[str, list[int]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, entries: Iterable[Entry], district: DistrictName) -> Gazetteer:
        """Index the entries. Their order decides nothing."""
        kept = tuple(entries)
        names: dict[str, list[int]] = {}
        for k, entry in enumerate(kept):
            names.setdefault(entry.name, []).append(k)
        return cls(district, kept, names)

    def to_json(self) -> JsonObject:
        """Return plain JSON that `from_json` reads: a stored gazetteer is data, never code."""
        return {"district": asdict(self.district), "entries": [asdict(entry) for entry in self.entries]}

    @classmethod
    def from_json(cls, stored: JsonObject) -> Gazetteer:
        """Read what `to_json` returned."""
        district = stored["district"]
        return cls.of(
            (Entry(**{**row, "codes": tuple(row["codes"])}) for row in stored["entries"]),
            DistrictName(district["name"], tuple(district["above"]), tuple(district["also"])),
        )
