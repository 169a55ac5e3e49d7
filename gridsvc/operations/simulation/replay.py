"""Validation: the recorded cases played again with today's posts, simulated against recorded responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.errors import InvalidInput
from gridsvc.operations.simulation.city import city_of, player
from gridsvc.simulation.arrivals import calls_at
from gridsvc.simulation.figures import distance
from gridsvc.simulation.model import DAY_S

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.dispatch import Prepared
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service
    from gridsvc.operations.simulation.recorded import Past
    from gridsvc.operations.simulation.wanted import Wanted

FINEST = 10
"""Cells of 65 m to a side: cases are played where they were."""
MOST_REPLAYED = 2000
LEAST_REPLAYED = 30


def validate(
    service: Service, view: DistrictView, prepared: Prepared, past: Past, wanted: Wanted, handling_s: float
) -> dict[str, Any]:
    """Return how far simulated responses of the newer half of the cases are from the recorded ones.

    Times on the way and at the scene are drawn from the older half alone, so that nothing is compared with itself.

    Raises
    ------
    InvalidInput
        Where fewer than 30 cases of the newer half have a recorded response.
    """
    n = len(past.cases)
    newer = past.part(max(n // 2, n - MOST_REPLAYED), n)
    durations, words = past.part(0, n // 2).durations(handling_s)
    recorded_s = np.array([lead.response_s for lead in newer.leads], np.float64)
    known = np.isfinite(recorded_s)
    if known.sum() < LEAST_REPLAYED:
        raise InvalidInput(
            f"{int(known.sum())} cases of the newer half have a recorded response; a comparison needs "
            f"{LEAST_REPLAYED}. Simulate without validation.",
            kind="too-few-cases",
            count=int(known.sum()),
            least=LEAST_REPLAYED,
        )
    city = city_of(service, view, newer, FINEST)
    play = player(service, city, prepared, wanted.dispatch)
    first = newer.cases[0].day
    time_s = np.array([(case.day - first) * DAY_S + case.second for case in newer.cases])
    target_s = city.sources.target_s[city.past.row]
    simulated = []
    for child in np.random.SeedSequence(wanted.seed).spawn(wanted.replications):
        calls = calls_at(city.sources, durations, city.past.row, time_s, np.random.default_rng(child))
        simulated.append(play(calls).response_s)
    response_s = np.array(simulated)
    compared = known & np.isfinite(response_s).all(axis=0)
    apart = distance(recorded_s[compared], response_s[:, compared].ravel())
    return {
        "cases": int(compared.sum()),
        "left_out": int(n - n // 2 - compared.sum()),
        "replications": wanted.replications,
        "durations": words,
        "recorded": _figures(recorded_s[compared], target_s[compared]),
        "simulated": _figures(response_s[:, compared].ravel(), np.tile(target_s[compared], wanted.replications)),
        "largest_difference": round(apart.largest, 4),
        "likely_up_to": round(apart.likely_up_to, 4),
        "alike": apart.alike,
        "apart_s": round(apart.apart_s, 1),
    }


def _figures(response_s: NDArray[np.float64], target_s: NDArray[np.float64]) -> dict[str, float]:
    p50_s, p90_s = np.quantile(response_s, [0.5, 0.9])
    return {
        "in_time": round(float((response_s <= target_s).mean()), 4),
        "mean_s": round(float(response_s.mean()), 1),
        "p50_s": round(float(p50_s), 1),
        "p90_s": round(float(p90_s), 1),
    }
