"""Figures of simulated fleets: means over independent replications with intervals, and what two fleets differ by.

The fleets of a comparison get the same calls (common random numbers), so the interval of a difference is that of the
mean of the paired differences: Law, Simulation Modeling and Analysis, 2015, 10.2 and 11.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from gridsvc.json_types import Json
    from gridsvc.simulation.model import Calls, Outcome

    Floats = NDArray[np.float64]
    Simulate = Callable[[Calls], Outcome]

CONFIDENCE = 0.95
FEWEST, MOST = 2, 10_000
FIGURES = ("in_time", "team_in_time", "mean_s", "p90_s", "waited", "unserved")
"""Shares of the calls whose lead, and whose whole team, made the target; mean and 90 % quantile of the lead's response
of the calls that were served; shares of the calls that waited for a lead, and that nobody came to."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over replications and its 95 % interval (Student's t); None where it cannot be known."""

    mean: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, values: Floats) -> Estimate:
        """Return the estimate of one number a replication, NaN = none in that replication."""
        known = values[np.isfinite(values)]
        n = len(known)
        if n < FEWEST:
            return cls(float(known[0]) if n else None, None, None)
        mean = float(known.mean())
        half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2) * known.std(ddof=1) / np.sqrt(n))
        return cls(mean, mean - half, mean + half)

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    def as_json(self, digits: int = 4) -> dict[str, Json]:
        """Return plain JSON values."""
        names = ("mean", "low", "high")
        rounded = {name: None if getattr(self, name) is None else round(getattr(self, name), digits) for name in names}
        return rounded | {"excludes_zero": self.excludes_zero}


def measure(calls: Calls, outcome: Outcome, kind: int | None = None, *, warmup_s: float = 0.0) -> Floats:
    """Return FIGURES of one replication, NaN where no call of the kind came; calls before `warmup_s` do not count."""
    own = calls.time_s >= warmup_s
    if kind is not None:
        own = own & (calls.kind == kind)
    timed = own & np.isfinite(calls.target_s)
    served = outcome.response_s[own & np.isfinite(outcome.response_s)]
    return np.array([
        _share(outcome.response_s[timed] <= calls.target_s[timed]),
        _share(outcome.full_s[timed] <= calls.target_s[timed]),
        float(served.mean()) if len(served) else np.nan,
        float(np.quantile(served, 0.9)) if len(served) else np.nan,
        _share(outcome.wait_s[own] > 0),
        _share(~np.isfinite(outcome.response_s[own])),
    ])  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Replications:
    """What was measured: values: fleet name -> (replications, 1 + kinds, FIGURES), all kinds first; calls in all.

    busy: fleet name -> (teams,) mean share of the time that each team was busy.
    """

    kinds: tuple[str, ...]
    values: Mapping[str, Floats]
    busy: Mapping[str, Floats]
    calls: int

    def estimate(self, fleet: str, figure: str, kind: str | None = None) -> Estimate:
        """Return a figure of a fleet."""
        return Estimate.of(self._column(fleet, figure, kind))

    def difference(self, fleet: str, of: str, figure: str, kind: str | None = None) -> Estimate:
        """Return by how much a figure of a fleet is greater than that `of` another, over the same calls."""
        return Estimate.of(self._column(fleet, figure, kind) - self._column(of, figure, kind))

    def _column(self, fleet: str, figure: str, kind: str | None) -> Floats:
        at = 0 if kind is None else 1 + self.kinds.index(kind)
        column: Floats = self.values[fleet][:, at, FIGURES.index(figure)]
        return column


def replicate(
    fleets: Mapping[str, Simulate],
    draw: Callable[[np.random.Generator], Calls],
    replications: int,
    seed: int,
    *,
    warmup_s: float = 0.0,
    progress: Callable[[int, int], None] | None = None,
) -> Replications:
    """Draw calls `replications` times, each from a stream of its own, and play every fleet on the same ones.

    Raises
    ------
    InvalidInput
        For fewer than 2 replications, and more than 10,000.
    """
    if not FEWEST <= replications <= MOST:
        raise InvalidInput(
            f"{replications} replications; an interval needs {FEWEST}, and {MOST:,} are the most. Give a number "
            "between.",
            kind="bad-simulation",
            name="replications",
            value=replications,
            least=FEWEST,
            most=MOST,
        )
    values: dict[str, list[Floats]] = {name: [] for name in fleets}
    busy: dict[str, list[Floats]] = {name: [] for name in fleets}
    kinds: tuple[str, ...] = ()
    count = 0
    for number, calls in enumerate(_streams(draw, replications, seed)):
        kinds, count = calls.kinds, count + len(calls)
        span_s = float(calls.time_s[-1]) if len(calls) else 1.0
        for name, simulate in fleets.items():
            outcome = simulate(calls)
            rows = [measure(calls, outcome, kind, warmup_s=warmup_s) for kind in (None, *range(len(kinds)))]
            values[name].append(np.array(rows))
            busy[name].append(np.minimum(outcome.busy_s / max(span_s, 1.0), 1.0))
        if progress is not None:
            progress(number + 1, replications)
    return Replications(
        kinds,
        {name: np.array(each) for name, each in values.items()},
        {name: np.mean(each, axis=0) for name, each in busy.items()},
        count,
    )


def _streams(draw: Callable[[np.random.Generator], Calls], replications: int, seed: int) -> Iterator[Calls]:
    for child in np.random.SeedSequence(seed).spawn(replications):
        yield draw(np.random.default_rng(child))


def _share(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else np.nan


@dataclass(frozen=True, slots=True)
class Distance:
    """How far two samples of seconds are apart, n and m of them.

    largest: the greatest difference of the shares that do not exceed a time (Kolmogorov, Smirnov), and `likely_up_to`,
    what it exceeds in 5 % of the cases where both are of one distribution. apart_s: mean seconds by which one must be
    moved to become the other (Wasserstein).
    """

    n: int
    m: int
    largest: float
    likely_up_to: float
    apart_s: float

    @property
    def alike(self) -> bool:
        """Whether the samples may be of one distribution."""
        return self.largest <= self.likely_up_to


def distance(first_s: Sequence[float] | Floats, second_s: Sequence[float] | Floats) -> Distance:
    """Return how far two samples are apart; InvalidInput where one of them is empty or not finite."""
    a, b = np.sort(np.asarray(first_s, np.float64)), np.sort(np.asarray(second_s, np.float64))
    if not len(a) or not len(b) or not np.isfinite(np.concatenate([a, b])).all():
        raise InvalidInput("Two samples of finite seconds are needed for a distance.", kind="bad-simulation", name="s")
    both = np.sort(np.concatenate([a, b]))
    below = np.searchsorted(a, both, "right") / len(a) - np.searchsorted(b, both, "right") / len(b)
    return Distance(
        len(a),
        len(b),
        float(np.abs(below).max()),
        float(np.sqrt(-np.log(0.025) / 2) * np.sqrt((len(a) + len(b)) / (len(a) * len(b)))),
        float((np.abs(below[:-1]) * np.diff(both)).sum()),
    )
