"""Which cases count: emergencies that are no drill (R15, R16), without what the clock policy leaves out (R17)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridsvc.times import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from gridsvc.compliance.history import History
    from gridsvc.law import ClockPolicy

_ALWAYS = ("routine", "drill")
_LEFT_OUT: dict[str, Callable[[History], NDArray[np.bool_]]] = {
    "routine": lambda history: ~history.cases.emergency,
    "drill": lambda history: history.cases.drill,
    "duplicate": lambda history: history.cases.duplicate,
    "cancelled-before-dispatch": lambda history: history.cases.cancelled & (dispatched_us(history) == MISSING),
}


def dispatched_us(history: History) -> NDArray[np.int64]:
    """Return when the first team of each case was ordered, (n,); MISSING = none was."""
    return history.cases.assigned_us


def left_out(history: History, policy: ClockPolicy) -> dict[str, NDArray[np.bool_]]:
    """Return the cases that do not count by reason, (n,) each; a case is under the first reason alone."""
    taken = np.zeros(len(history.cases), dtype=bool)
    found: dict[str, NDArray[np.bool_]] = {}
    for reason, of in _LEFT_OUT.items():
        if reason in _ALWAYS or reason in policy.exclusions:
            found[reason] = of(history) & ~taken
            taken |= found[reason]
    return found


def counted(history: History, policy: ClockPolicy) -> NDArray[np.bool_]:
    """Return which cases count under a policy, (n,)."""
    mask = np.ones(len(history.cases), dtype=bool)
    for rows in left_out(history, policy).values():
        mask &= ~rows
    return mask


def unknown_exclusions(policy: ClockPolicy) -> list[str]:
    """Return what a policy leaves out and no case says of itself: these cases count all the same."""
    return [reason for reason in policy.exclusions if reason not in _LEFT_OUT]
