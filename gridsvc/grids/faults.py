"""What is wrong with a draft of boundaries: found, located and measured (R4)."""

from __future__ import annotations

from dataclasses import dataclass

FAULT_KINDS = (
    "invalid", "overlap", "gap", "sliver", "orphan", "misplaced", "duplicate-code", "unresolved-name", "no-officer",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    codes, names: the grids concerned, in the order of their codes. area_m2: on the ellipsoid; 0 where the fault has
    no area of its own. lon, lat: a place inside the fault, None where the geometry has none. blocking: forbids the
    activation. words: what is wrong, for a person.
    """

    kind: str
    codes: tuple[str, ...]
    names: tuple[str, ...]
    area_m2: float
    lon: float | None
    lat: float | None
    blocking: bool
    words: str

    def as_json(self) -> dict[str, object]:
        """Return {kind, codes, names, area_m2, lon, lat, blocking, words}."""
        return {
            "kind": self.kind,
            "codes": list(self.codes),
            "names": list(self.names),
            "area_m2": round(self.area_m2, 2),
            "lon": self.lon,
            "lat": self.lat,
            "blocking": self.blocking,
            "words": self.words,
        }
