"""The hypercube queueing model: how busy each unit of a fleet is, and who answers whom.

Larson, A hypercube queuing model for facility location and redistricting in urban emergency services, Computers and
Operations Research 1, 1974; approximation: Larson, Approximating the performance of urban emergency service systems,
Operations Research 23, 1975. Calls arrive at random, a call takes one unit, the first free one of its atom's order of
preference; times of service are exponential.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse
from scipy.special import gammaln, logsumexp

from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Numbers = NDArray[np.intp]

MOST_EXACT = 12
"""Units of the exact model: it has 2^units states."""
_SWEEPS = 20_000
_TOLERANCE = 1e-13


class Hypercube(NamedTuple):
    """`workload` (units,): share of time busy; `loss`: share of the calls that are lost, 0 with a queue.

    `dispatch_share` (units, atoms): of the calls that are served, the share that the unit answers from the atom; sums
    to 1. A call that waited goes to any unit with the same probability.
    """

    workload: Floats
    loss: float
    dispatch_share: Floats


class _Fleet(NamedTuple):
    rate: Floats
    preference: Numbers
    service_rate: float
    units: int
    load: float
    """Calls that arrive in the mean time of service."""


def hypercube(
    rate: ArrayLike, preference: ArrayLike, service_rate: float = 1.0, *, exact: bool = True, queue: bool = True
) -> Hypercube:
    """Return the workloads of a fleet.

    Parameters
    ----------
    rate
        (atoms,), calls per unit of time.
    preference
        (atoms, units), unit numbers from 0, the preferred one first; each row names every unit once.
    service_rate
        Calls that one unit serves per unit of time, the same for all.
    exact
        True: the Markov chain of all states, up to 12 units. False: Larson's approximation.
    queue
        True: a call that finds no free unit waits. False: it is lost.

    Raises
    ------
    InvalidInput
        When the input is not usable, the fleet has too many units for `exact`, or more calls arrive than it can serve.
    """
    fleet = _read(rate, preference, service_rate)
    if exact and fleet.units > MOST_EXACT:
        raise InvalidInput(
            f"{fleet.units} units have 2^{fleet.units} states; the exact model takes {MOST_EXACT}. Give exact=False.",
            kind="too-many-units",
            units=fleet.units,
            most=MOST_EXACT,
        )
    if queue and fleet.load >= fleet.units:
        raise InvalidInput(
            f"{fleet.load:.3g} units' work arrives, and there are {fleet.units}: the queue grows for ever. "
            "Add units, or give queue=False.",
            kind="overloaded",
            load=fleet.load,
            units=fleet.units,
        )
    return _exact(fleet, queue=queue) if exact else _approximate(fleet, queue=queue)


def _read(rate: ArrayLike, preference: ArrayLike, service_rate: float) -> _Fleet:
    rates, order = np.asarray(rate, np.float64), np.asarray(preference, np.intp)
    if rates.ndim != 1 or not np.isfinite(rates).all() or (rates < 0).any() or rates.sum() <= 0:
        raise InvalidInput("`rate` must be one finite number an atom, 0 or more, not all 0.", kind="bad-rate")
    if order.ndim != 2 or len(order) != len(rates) or not order.shape[1]:
        raise InvalidInput(
            f"`preference` has the shape {order.shape}. Give a row for each of the {len(rates)} atoms.",
            kind="bad-preference",
            shape=list(order.shape),
            atoms=len(rates),
        )
    units = order.shape[1]
    wrong = np.flatnonzero((np.sort(order, axis=1) != np.arange(units)).any(axis=1))
    if len(wrong):
        raise InvalidInput(
            f"The preference of atom {wrong[0]} does not name each of the units 0 to {units - 1} once. Correct it.",
            kind="bad-preference",
            atom=int(wrong[0]),
            units=units,
        )
    if not np.isfinite(service_rate) or service_rate <= 0:
        raise InvalidInput(
            f"`service_rate` is {service_rate}. Give a finite number above 0.", kind="bad-rate", value=str(service_rate)
        )
    return _Fleet(rates, order, float(service_rate), units, float(rates.sum() / service_rate))


def _busy_counts(fleet: _Fleet, *, queue: bool) -> tuple[Floats, float]:
    """Return the probability that 0 ... units are busy and none waits, and that a call waits for a unit (M/M/N).

    By logarithms: a large fleet's terms exceed a float.
    """
    k = np.arange(fleet.units + 1)
    log_terms = k * np.log(fleet.load) - gammaln(k + 1)
    if not queue:
        return np.exp(log_terms - logsumexp(log_terms)), 0.0
    use = fleet.load / fleet.units
    log_tail = log_terms[-1] + np.log(use) - np.log1p(-use)
    total = logsumexp(np.append(log_terms, log_tail))
    return np.exp(log_terms - total), float(np.exp(log_tail - total))


def _exact(fleet: _Fleet, *, queue: bool) -> Hypercube:
    units, states = fleet.units, 1 << fleet.units
    counts, waiting = _busy_counts(fleet, queue=queue)
    numbers = np.arange(states)
    bits = (numbers[:, None] >> np.arange(units)) & 1
    level = bits.sum(axis=1)
    # The unit that answers each atom in each state; all busy: none.
    answers = np.full((states, len(fleet.rate)), -1)
    for place in range(units - 1, -1, -1):
        unit = fleet.preference[:, place]
        answers = np.where(bits[:, unit] == 0, unit[None], answers)
    rows, columns, rates = [], [], []
    for atom, calls in enumerate(fleet.rate):
        to = answers[:-1, atom]
        rows.append(numbers[:-1] | (1 << to))
        columns.append(numbers[:-1])
        rates.append(np.full(states - 1, calls))
    for number in range(units):
        busy = numbers[bits[:, number] == 1]
        rows.append(busy & ~(1 << number))
        columns.append(busy)
        rates.append(np.full(len(busy), fleet.service_rate))
    inflow = sparse.csr_array(
        (np.concatenate(rates), (np.concatenate(rows), np.concatenate(columns))), shape=(states, states)
    )
    leaving = np.asarray(level * fleet.service_rate + np.where(level < units, fleet.rate.sum(), 0.0), np.float64)
    probability = _steady(inflow, leaving, level, counts)
    all_busy = probability[-1] + waiting
    workload = bits.T @ probability + waiting
    share = np.zeros((units, len(fleet.rate)))
    for atom, calls in enumerate(fleet.rate):
        share[:, atom] = calls * np.bincount(answers[:-1, atom], weights=probability[:-1], minlength=units)
    return _shared(fleet, workload, share, all_busy, queue=queue)


def _steady(inflow: sparse.csr_array, leaving: Floats, level: Numbers, counts: Floats) -> Floats:
    """Return the steady probabilities: Larson's sweeps, each level scaled to its known sum, even and odd in turn."""
    size = np.bincount(level)
    probability = (counts / size)[level]
    even, odd = np.flatnonzero(level % 2 == 0), np.flatnonzero(level % 2 == 1)
    into = {0: inflow[even], 1: inflow[odd]}
    for _ in range(_SWEEPS):
        before = probability.copy()
        for parity, states in ((0, even), (1, odd)):
            probability[states] = (into[parity] @ probability) / leaving[states]
        sums = np.bincount(level, weights=probability)
        probability *= (counts / np.where(sums > 0, sums, 1.0))[level]
        if np.abs(probability - before).max() < _TOLERANCE:
            break
    return probability


def _shared(fleet: _Fleet, workload: Floats, share: Floats, all_busy: float, *, queue: bool) -> Hypercube:
    if queue:
        share = share + all_busy * fleet.rate[None] / fleet.units
    return Hypercube(workload, 0.0 if queue else float(all_busy), share / share.sum())


def _corrections(fleet: _Fleet, counts: Floats, mean: float) -> Floats:
    """Return Larson's Q, (units,): how much likelier j busy and then one free unit are than if units were independent.

    In the logarithm, since for many idle units both probabilities are below the smallest float.
    """
    n = fleet.units
    k = np.arange(n)
    with np.errstate(divide="ignore"):
        log_counts = np.log(counts[:-1])
    q = np.empty(n)
    for j in range(n):
        at = k[j:]
        drawn = gammaln(at + 1) - gammaln(at - j + 1) - (gammaln(n + 1) - gammaln(n - j + 1))
        together = logsumexp(log_counts[j:] + drawn + np.log(n - at) - np.log(n - j))
        q[j] = np.exp(together - j * np.log(mean) - np.log1p(-mean))
    return q


def _approximate(fleet: _Fleet, *, queue: bool) -> Hypercube:
    counts, waiting = _busy_counts(fleet, queue=queue)
    all_busy = float(counts[-1]) + waiting
    served = fleet.load if queue else fleet.load * (1 - all_busy)
    q = _corrections(fleet, counts, served / fleet.units)
    from_queue = fleet.load * all_busy / fleet.units if queue else 0.0
    workload = np.full(fleet.units, served / fleet.units)
    for _ in range(1000):
        offered = _offered(fleet, workload, q)
        reached = np.bincount(fleet.preference.ravel(), weights=offered.ravel(), minlength=fleet.units)
        asked = np.asarray(reached, np.float64) / fleet.service_rate
        after = (asked + from_queue) / (1 + asked)
        after *= served / after.sum()
        done = float(np.abs(after - workload).max()) < 1e-12
        workload = after
        if done:
            break
    share = np.zeros((fleet.units, len(fleet.rate)))
    answered = _offered(fleet, workload, q) * (1 - workload[fleet.preference])
    # What an atom's first answers add up to is known: all calls that find a free unit.
    answered *= (fleet.rate * (1 - all_busy) / np.maximum(answered.sum(axis=1), 1e-300))[:, None]
    share[fleet.preference, np.arange(len(fleet.rate))[:, None]] = answered
    return _shared(fleet, workload, share, all_busy, queue=queue)


def _offered(fleet: _Fleet, workload: Floats, q: Floats) -> Floats:
    """Return the calls that reach each place of the preference because all before are busy, (atoms, units)."""
    ordered = workload[fleet.preference]
    before = np.concatenate([np.ones((len(fleet.rate), 1)), np.cumprod(ordered, axis=1)[:, :-1]], axis=1)
    offered: Floats = fleet.rate[:, None] * before * q[None]
    return offered
