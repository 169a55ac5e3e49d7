"""The whole answer about a period: figures, outcomes, what was left out, a second policy, a second period, a trend."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.cases.timing import OUTCOMES
from gridsvc.compliance.classes import classes_of
from gridsvc.compliance.comparison import compared_figures, compared_outcomes
from gridsvc.compliance.counted import left_out, unknown_exclusions
from gridsvc.compliance.figures import figures
from gridsvc.compliance.groups import Grouping
from gridsvc.compliance.intervals import measure
from gridsvc.compliance.outcomes import judge, outcomes, ranked
from gridsvc.compliance.quantiles import CONFIDENCE
from gridsvc.compliance.trend import trend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridsvc.compliance.figures import Figure
    from gridsvc.compliance.history import History, RecordedPolicy
    from gridsvc.compliance.outcomes import Judged, Outcome
    from gridsvc.json_types import Json

RANKED = frozenset({"regional", "township", "area", "village", "unit", "team", "lead"})
"""The dimensions whose groups are answerable for their figures: these alone are ranked."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about a period.

    by: dimensions. policy: of the outcomes. against: a second policy, None = none. earlier: the period to compare with.
    trend: one of `trend.UNITS`, None = the longest that fits.
    """

    policy: RecordedPolicy
    by: tuple[str, ...] = ()
    against: RecordedPolicy | None = None
    earlier: History | None = None
    trend: str | None = None


def compliance_json(history: History, asked: Asked) -> dict[str, Json]:
    """Return the answer of `compliance --json` about the cases of a period."""
    judged = judge(history, asked.policy.policy)
    whole = _rows(history, judged, asked.by)
    answer: dict[str, Json] = {
        "policy": asked.policy.policy.id,
        "clock": policy_json(asked.policy),
        "source": history.source,
        "since": _text(history, "since"),
        "until": _text(history, "until"),
        "as_of": history.period.now.isoformat(),
        "time_zone": history.period.time_zone,
        "confidence": CONFIDENCE,
        "by": list(asked.by),
        "cases": _cases(history, judged),
        "rows": [each.as_json() for each in whole[0]],
        "outcomes": [each.as_json() for each in whole[1]],
        "names": names_of(history, asked.by),
    }
    if "class" not in asked.by and (history.cases.response_class.codes >= 0).any():
        of_class = _rows(history, judged, (*asked.by, "class"))
        answer["rows_by_class"] = [each.as_json() for each in of_class[0]]
        answer["outcomes_by_class"] = [each.as_json() for each in of_class[1]]
    answer["trend"] = _trend(history, judged, asked.trend)
    if (history.cases.response_class.codes >= 0).any():
        answer["trend_by_class"] = trend_by_class(history, judged, asked.trend)
    if asked.against is not None:
        answer["against"] = _against(history, judged, asked.against, asked.by)
    if asked.earlier is not None:
        answer["compared"] = _compared(asked.earlier, asked, whole)
    return answer


def _rows(history: History, judged: Judged, by: Sequence[str]) -> tuple[list[Figure], list[Outcome]]:
    grouping = Grouping(history, by)
    found = outcomes(history, judged, grouping)
    ranks = len(by) == 1 and by[0] in RANKED
    return figures(history, measure(history, judged.counts), grouping), ranked(found) if ranks else found


def _trend(history: History, judged: Judged, unit: str | None) -> dict[str, Json] | None:
    found = trend(history, judged, unit)
    return None if found is None else found.as_json()


def trend_by_class(history: History, judged: Judged, unit: str | None = None) -> list[dict[str, Json]]:
    """Return the control chart of each class that has enough periods."""
    charts = []
    for kind, of_kind in classes_of(history):
        found = _trend(history, replace(judged, counts=judged.counts & of_kind), unit)
        if found is not None:
            charts.append({"class": kind} | found)
    return charts


def policy_json(recorded: RecordedPolicy) -> dict[str, Json]:
    """Return what a clock policy says; every figure is shown with its id."""
    policy = recorded.policy
    return {
        "id": policy.id,
        "version": recorded.version,
        "name": policy.name,
        "name_en": policy.name_en,
        "start_event": policy.start_event,
        "stop_event": policy.stop_event,
        "percentile": policy.percentile,
        "exclusions": list(policy.exclusions),
        "exclusions_not_recorded": unknown_exclusions(policy),
    }


def _cases(history: History, judged: Judged) -> dict[str, Json]:
    left = {reason: int(rows.sum()) for reason, rows in left_out(history, judged.policy).items()}
    under = np.bincount(history.cases.policy[judged.counts] + 1, minlength=len(history.policies) + 1)
    return {
        "all": len(history.cases),
        "counted": int(judged.counts.sum()),
        "left_out": left,
        "synthetic": int((judged.counts & history.cases.synthetic).sum()),
        "recorded_under": [
            {"policy": each.policy.id, "version": each.version, "cases": int(count)}
            for each, count in zip(history.policies, under[1:].tolist(), strict=True)
            if count
        ],
    }


def names_of(history: History, by: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return what the codes or ids of some dimensions are called: {dimension: {code: name}}, of those with names."""
    source = {each: "team" if each == "lead" else each for each in by}
    return {each: history.names[source[each]] for each in by if source[each] in history.names}


def _against(history: History, judged: Judged, other: RecordedPolicy, by: Sequence[str]) -> dict[str, Json]:
    """Return the same figures under a second policy, and which outcomes it changes."""
    second = judge(history, other.policy)
    rows = _rows(history, second, by)
    both = judged.counts & second.counts
    changes = []
    for one, first in enumerate(OUTCOMES):
        for two, then in enumerate(OUTCOMES):
            count = int((both & (judged.outcome == one) & (second.outcome == two)).sum())
            if count:
                changes.append({"under_policy": str(first), "under_other": str(then), "cases": count})
    return {
        "policy": other.policy.id,
        "clock": policy_json(other),
        "cases": _cases(history, second),
        "rows": [each.as_json() for each in rows[0]],
        "outcomes": [each.as_json() for each in rows[1]],
        "changes": changes,
    }


def _compared(earlier: History, asked: Asked, after: tuple[list[Figure], list[Outcome]]) -> dict[str, Json]:
    judged = judge(earlier, asked.policy.policy)
    before = _rows(earlier, judged, asked.by)
    return {
        "since": _text(earlier, "since"),
        "until": _text(earlier, "until"),
        "cases": _cases(earlier, judged),
        "rows": compared_figures(before[0], after[0]),
        "outcomes": compared_outcomes(before[1], after[1]),
    }


def _text(history: History, end: str) -> str | None:
    at = getattr(history.period, end)
    return None if at is None else at.isoformat()
