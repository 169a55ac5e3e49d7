"""The response classes of cases, which have different targets and are never pooled without saying so (R15)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.compliance.history import History

ALL = "all"
"""The class of all cases where none has one."""
NO_CLASS = "no-class"
"""The class of the cases that have none, where others have one."""


def class_order(kind: str) -> tuple[bool, list[int]]:
    """Return what sorts classes: urban first, the cases without a class last."""
    return kind == NO_CLASS, [-ord(letter) for letter in kind]


def classes_of(history: History) -> list[tuple[str, NDArray[np.bool_]]]:
    """Return the classes with their cases, (n,) each: urban, rural, NO_CLASS; or ALL alone where no case has one."""
    kinds = history.cases.response_class
    if not len(kinds):
        return []
    used = sorted((kinds.words[code] for code in np.unique(kinds.codes[kinds.codes >= 0]).tolist()), key=class_order)
    if not used:
        return [(ALL, np.ones(len(kinds), dtype=bool))]
    without = kinds.codes < 0
    return [*((kind, kinds.equals(kind)) for kind in used), *([(NO_CLASS, without)] if without.any() else [])]
