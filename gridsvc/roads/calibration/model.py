"""How much longer or shorter recorded trips took than the roads say, and the range that follows (R4, R5, R9).

::

    travel = (start_s + sum over road groups of factor x seconds on that group) x factor of the hour
    range  = travel x quantiles of the ratio recorded / predicted, of trips that were not fitted

The first line has the form of Kolesar, Walker, Hausner 1975 and Budge, Ingolfsson, Zerom 2010 (a start, then a speed by
kind of road); the second is split conformal prediction (Lei et al. 2018, Distribution-free predictive inference for
regression), within bands of length (Vovk 2012: Mondrian). `gridsvc.roads.calibration.fit` makes it.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from gridsvc.errors import InvalidInput
from gridsvc.roads.network.speeds import CLASSES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMAT = 1

ON_FOOT = "on-foot"
"""The legs beside the road at both ends, and what forbidden turns add."""

ROAD_GROUPS: dict[str, tuple[str, ...]] = {
    "motorway": ("motorway", "motorway_link", "trunk", "trunk_link"),
    "main": ("primary", "primary_link", "secondary", "secondary_link"),
    "minor": ("tertiary", "tertiary_link", "unclassified", "road"),
    "local": ("residential", "living_street", "service", "track", "pedestrian", "busway", "gate"),
}
"""Classes of road that share a factor: few trips see more than a handful of classes."""

GROUPS = (*ROAD_GROUPS, ON_FOOT)

_GROUP_OF_CLASS = tuple(
    next(number for number, classes in enumerate(ROAD_GROUPS.values()) if name in classes) for name in CLASSES
)

LEVELS = ("uncalibrated", "district", "class", "hour")
"""What a prediction can rest on, each with the fallback before it: the network's own time, one factor for the whole
district, one a road group, and one for the hour beside them."""


@dataclass(frozen=True, slots=True)
class LengthBand:
    """Ratios of recorded to predicted time of trips predicted to take `from_s` and more, up to the next band."""

    from_s: float
    trips: int
    p05: float
    p50: float
    p90: float
    p95: float


@dataclass(frozen=True, slots=True)
class TravelRange:
    """Seconds of travel: half of such trips take at most p50_s, nine in ten p90_s; 90 % are between p05_s and p95_s.

    `basis` is what the prediction rests on, one of LEVELS.
    """

    p05_s: float
    p50_s: float
    p90_s: float
    p95_s: float
    basis: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """Factors and quantiles of one district; immutable, `version` is the SHA-256 of `document()`.

    factors: by road group. start_s: what every trip takes beside driving. hours: by response class, one factor for each
    hour 0 to 23 of local time, None = too few trips at that time of day. lengths: in order, the first from 0 s.
    evidence: trips, span and what the fit was worth on trips that it had not seen.
    """

    level: str
    factors: Mapping[str, float]
    start_s: float
    hours: Mapping[str, Sequence[float | None]]
    lengths: tuple[LengthBand, ...]
    evidence: Mapping[str, Any]
    version: str = field(init=False)

    def __post_init__(self) -> None:
        if self.level not in LEVELS or not self.lengths or self.lengths[0].from_s != 0.0:
            raise InvalidInput("This is no calibration: a level, and ratios from 0 s on, are needed.")
        if min(self.factors.values(), default=0.0) <= 0.0 or self.start_s < 0.0:
            raise InvalidInput("The factors of a calibration are above 0 and its start is not below it.")
        object.__setattr__(self, "version", hashlib.sha256(self.document().encode()).hexdigest())

    def document(self) -> str:
        """Return the whole version as canonical JSON text: what is kept, digested and replayed."""
        value = {
            "format": FORMAT,
            "level": self.level,
            "factors": dict(self.factors),
            "start_s": self.start_s,
            "hours": {name: list(row) for name, row in self.hours.items()},
            "lengths": [asdict(band) for band in self.lengths],
            "evidence": dict(self.evidence),
        }
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_document(cls, text: str) -> Calibration:
        """Read back what `document` wrote."""
        value: dict[str, Any] = json.loads(text)
        if value.pop("format", None) != FORMAT:
            raise InvalidInput("This calibration is of another format. Run `gridsvc roads calibrate` again.")
        lengths = tuple(LengthBand(**band) for band in value.pop("lengths"))
        return cls(lengths=lengths, **value)

    def travel_range(self, seconds: Mapping[str, float], hour: int, response_class: str) -> TravelRange:
        """Return the range of one trip, to a tenth of a second.

        Parameters
        ----------
        seconds
            By road group, as the network has them; groups that are not named here count as they are.
        hour
            0 to 23, local.
        response_class
            Of the place that is driven to, `urban` or `rural`.
        """
        travel_s = self.start_s + sum(self.factors.get(group, 1.0) * s for group, s in seconds.items())
        basis = self.level
        if basis == "hour":
            basis = "class"
            factor = self.hours[response_class][hour]
            if factor is not None:
                travel_s, basis = travel_s * factor, "hour"
        band = self.lengths[bisect_right(self.lengths, travel_s, key=lambda each: each.from_s) - 1]
        p05_s, p50_s, p90_s, p95_s = (round(travel_s * q, 1) for q in (band.p05, band.p50, band.p90, band.p95))
        return TravelRange(p05_s, p50_s, p90_s, p95_s, basis)


def seconds_by_group(class_ms: Sequence[int], travel_ms: int) -> dict[str, float]:
    """Add up milliseconds on each class of road (in the order of `speeds.CLASSES`) by group; the rest is on foot."""
    result = [0] * len(GROUPS)
    for number, ms in enumerate(class_ms):
        result[_GROUP_OF_CLASS[number]] += ms
    result[-1] = max(0, travel_ms - sum(result))
    return {group: ms / 1000.0 for group, ms in zip(GROUPS, result, strict=True) if ms}
