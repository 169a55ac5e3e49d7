"""What a report says, as one JSON document: both languages, every format and the stored copy are made of it.

The document holds no time of its making: the same events give the same bytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gridsvc.compliance.answer import Asked, compliance_json, trend_by_class
from gridsvc.compliance.cells import FINEST, PlacedCases, late_areas
from gridsvc.compliance.classes import ALL, NO_CLASS, class_order, classes_of
from gridsvc.compliance.groups import Grouping
from gridsvc.compliance.labels import Labels
from gridsvc.compliance.lateness import AS_REPORTED, by_class, count_causes
from gridsvc.compliance.outcomes import LATE, MET, judge, outcomes, ranked
from gridsvc.compliance.proportions import Proportion, interval
from gridsvc.compliance.protection import LEAST_CASES, merge_small
from gridsvc.compliance.quantiles import quantile
from gridsvc.times import MISSING, from_us

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from gridsvc.compliance.causes import LateCase
    from gridsvc.compliance.hindsight import HindsightCount
    from gridsvc.compliance.history import History, RecordedPolicy
    from gridsvc.compliance.outcomes import Judged
    from gridsvc.compliance.predictions import Honesty
    from gridsvc.json_types import Json

FORMAT = 2
OWN_TARGET = "received-to-lead, own target"
"""Predictions are of the lead, from the report on, and in time by the target of the case."""
_WITHOUT_INTERVAL = frozenset({"mean_s", "max_s", "p50_with_open_s"})
CURVE_POINTS = 200
DIVIDED_BY = ("township", "unit", "lead", "type", "hour", "month")
"""What the tables of a report are divided by, each within the response class."""
_NAMED = {"township": "township", "unit": "unit", "lead": "team", "type": "type"}


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """What a report is made of.

    late: the explained late cases; None where the cases come from a file, without decisions. outlines: of townships by
    code, degrees WGS-84. `finest`: the finest resolution of the map.
    """

    district: str
    district_name: str
    synthetic: bool
    history: History
    policy: RecordedPolicy
    late: Sequence[LateCase] | None = None
    honesty: Honesty | None = None
    hindsight: Sequence[HindsightCount] = ()
    outlines: Mapping[str, BaseGeometry] = field(default_factory=dict)
    finest: int = FINEST


def report_json(sources: Sources) -> dict[str, Json]:
    """Return the document of a report."""
    history = sources.history
    judged = judge(history, sources.policy.policy)
    whole = compliance_json(history, Asked(sources.policy))
    kept = ("clock", "source", "since", "until", "as_of", "time_zone", "confidence", "cases")
    document: dict[str, Json] = {
        "format": FORMAT,
        "district": sources.district,
        "district_name": sources.district_name,
        "synthetic": sources.synthetic,
        **{name: whole[name] for name in kept},
        "first": _moment(history, np.min),
        "last": _moment(history, np.max),
        "basis": digest_of(history),
        "outcomes": whole["outcomes"],
        "outcomes_by_class": _by_class(whole, "outcomes"),
        "figures_by_class": [
            {name: value for name, value in each.items() if name not in _WITHOUT_INTERVAL}
            for each in _by_class(whole, "rows")
        ],
        "trends": trend_by_class(history, judged),
        "curves": _curves(history, judged),
        "by": _divided(history, judged),
        "names": {name: dict(sorted(history.names.get(of, {}).items())) for name, of in _NAMED.items()},
        "causes": None if sources.late is None else _causes(sources.late),
        "map": _map(sources, judged),
        "predictions": None if sources.honesty is None else {"policy": OWN_TARGET} | sources.honesty.as_json(),
        "hindsight": [each.as_json() for each in sources.hindsight],
    }
    return document


def _moment(history: History, which: Callable[[NDArray[np.int64]], int]) -> str | None:
    """Return when the first or the last case was received, None = there is none."""
    known = history.cases.received_us[history.cases.received_us != MISSING]
    at = from_us(int(which(known))) if len(known) else None
    return None if at is None else at.isoformat()


def _by_class(whole: dict[str, Json], part: str) -> list[dict[str, Json]]:
    """Return the rows of a part by class, urban first; of no class where no case has one."""
    rows: list[dict[str, Json]] = whole.get(f"{part}_by_class") or [
        each | {"group": {"class": ALL}} for each in whole[part] if whole["cases"]["counted"]
    ]
    named = [each | {"group": {"class": each["group"]["class"] or NO_CLASS}} for each in rows]
    return sorted(named, key=lambda each: class_order(each["group"]["class"]))


def digest_of(history: History) -> dict[str, Json]:
    """Return what the figures rest on: how many cases and teams, and the SHA-256 of all their values in order of id."""
    cases, teams = history.cases, history.teams
    names = np.array([str(each) for each in cases.id], dtype=object)
    order = np.argsort(names, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    sha = hashlib.sha256("\n".join(names[order]).encode())
    for name, column in _columns(cases):
        if name != "id":
            _add(sha, name, _numbers(column)[order])
            _add_words(sha, column)
    of_teams = {name: place[column] if name == "case" else _numbers(column) for name, column in _columns(teams)}
    rows = np.lexsort(tuple(reversed(of_teams.values())))  # by case, then by every other column: equal rows are equal
    for name, column in _columns(teams):
        _add(sha, name, of_teams[name][rows])
        _add_words(sha, column)
    return {"cases": len(cases), "teams": len(teams), "sha256": sha.hexdigest()}


def _columns(columns: Any) -> list[tuple[str, Any]]:  # noqa: ANN401 - of cases or of teams
    return [(each.name, getattr(columns, each.name)) for each in fields(columns)]


def _numbers(column: Any) -> NDArray[Any]:  # noqa: ANN401
    """Return a column as numbers: of words, their places in the order of the words that are used."""
    if not isinstance(column, Labels):
        return np.asarray(column)
    used = _used(column)
    place = np.full(len(column.words) + 1, -1, dtype=np.int64)
    for number, word in enumerate(used):
        place[column.words.index(word)] = number
    return place[column.codes]


def _used(column: Labels) -> list[str]:
    return sorted(column.words[code] for code in np.unique(column.codes[column.codes >= 0]).tolist())


def _add(sha: Any, name: str, values: NDArray[Any]) -> None:  # noqa: ANN401
    kind = values.dtype.newbyteorder("<")
    sha.update(f"\n{name} {kind.str}\n".encode())
    sha.update(np.ascontiguousarray(values, dtype=kind).tobytes())


def _add_words(sha: Any, column: Any) -> None:  # noqa: ANN401
    if isinstance(column, Labels):
        sha.update("\n".join(_used(column)).encode())


def _curves(history: History, judged: Judged) -> list[dict[str, Json]]:
    """Return, by class, which share of the cases had an arrival within how many seconds: a step curve of few points.

    A point is [seconds, share, low, high]. The share is of all cases that a target applies to, also of those whose
    arrival is missing.
    """
    curves = []
    for kind, of_kind in classes_of(history):
        rows = judged.counts & of_kind & (judged.outcome >= 0)
        if not rows.any():  # no case has a target
            rows = judged.counts & of_kind
        seconds = np.sort(judged.seconds[rows & ~np.isnan(judged.seconds)])
        n = int(rows.sum())
        if not n:
            continue
        picked = np.unique(np.linspace(0, len(seconds) - 1, min(len(seconds), CURVE_POINTS)).astype(np.int64))
        targets = np.unique(history.cases.target_s[rows])
        curves.append(
            {
                "class": kind,
                "n": n,
                "arrived": len(seconds),
                "target_s": int(targets[0]) if len(targets) == 1 and targets[0] >= 0 else None,
                "points": [_point(float(seconds[row]), row + 1, n) for row in picked.tolist()],
            }
        )
    return curves


def _point(seconds: float, count: int, n: int) -> list[float]:
    low, high = interval(count, n)
    return [round(seconds, 1), round(count / n, 6), round(low, 6), round(high, 6)]


def _divided(history: History, judged: Judged) -> dict[str, dict[str, list[dict[str, Json]]]]:
    """Return the outcomes by each dimension within each class; ranked only where a group is answerable for them."""
    found: dict[str, dict[str, list[dict[str, Json]]]] = {each: {} for each in DIVIDED_BY}
    for kind, of_kind in classes_of(history):
        part = history if of_kind.all() else history.select(of_kind)
        of_part = judged if of_kind.all() else judge(part, judged.policy)
        if not of_part.counts.any():
            continue
        for dimension in DIVIDED_BY:
            rows = outcomes(part, of_part, Grouping(part, [dimension]))
            answerable = dimension in {"township", "unit", "lead"}
            found[dimension][kind] = [each.as_json() for each in (ranked(rows) if answerable else rows)]
    return found


def _causes(late: Sequence[LateCase]) -> dict[str, Json]:
    return {
        "policy": AS_REPORTED,
        "all": count_causes(late).as_json(),
        "by_class": {kind: each.as_json() for kind, each in by_class(late).items()},
        "by_township": _causes_by_township(late),
    }


def _causes_by_township(late: Sequence[LateCase]) -> list[dict[str, Json]]:
    """Return the main causes by township; those with fewer than five late cases are joined."""
    owners = [each.case.place.code(1) or "" for each in late]
    return [
        {"townships": [each for each in joined if each], **count_causes([late[row] for row in rows]).as_json()}
        for joined, rows in merge_small(owners)
    ]


def _map(sources: Sources, judged: Judged) -> dict[str, Json]:
    """Return the areas of the map and the same by township, as GeoJSON; both of at least five cases each."""
    placed = placed_cases(sources.history, judged)
    least = shown_least(len(placed.owners))
    areas = late_areas(placed, sources.outlines, p90_of, finest=sources.finest, least=least)
    return {
        "resolution": sources.finest,
        "least": least,
        "areas": [
            {"type": "Feature", "id": each.id, "geometry": _geometry(each.shape), "properties": each.properties()}
            for each in areas
        ],
        "townships": township_rows(placed),
        "outlines": [
            {"township": code, "geometry": _geometry(shapely.simplify(sources.outlines[code], 5e-5))}
            for code in sorted(sources.outlines)
        ],
    }


def shown_least(cases: int) -> int:
    """Return the fewest cases of an area of a map: more where there are many cases, so that its share says something.

    Of 30 cases the interval of a share is at most 38 points wide.
    """
    return min(max(LEAST_CASES, cases // 12), 30)


def placed_cases(history: History, judged: Judged) -> PlacedCases:
    """Return the cases of the map: those that count, to which a target applies, and whose place is known."""
    cases = history.cases
    rows = np.flatnonzero(judged.counts & (judged.outcome >= 0) & np.isfinite(cases.lon) & np.isfinite(cases.lat))
    outcome = judged.outcome[rows]
    expected = np.full(len(cases), np.nan)
    for _, of_kind in classes_of(history):
        of_class = judged.counts & of_kind
        decided = int((of_class & ((judged.outcome == LATE) | (judged.outcome == MET))).sum())
        if decided:
            expected[of_class] = int((of_class & (judged.outcome == LATE)).sum()) / decided
    return PlacedCases(
        [each or "" for each in cases.township.take(rows).tolist()],
        cases.lon[rows],
        cases.lat[rows],
        judged.seconds[rows],
        outcome == LATE,
        (outcome == LATE) | (outcome == MET),
        expected[rows],
    )


def p90_of(seconds: NDArray[np.float64]) -> tuple[float | None, float, float | None] | None:
    """Return (low, P90, high) of response times, None where they are too few."""
    found = quantile(np.sort(seconds), 0.9)
    if found.value is None:
        return None
    low, value, high = (None if each is None else round(each, 3) for each in (found.low, found.value, found.high))
    assert value is not None
    return low, value, high


def township_rows(placed: PlacedCases) -> list[dict[str, Json]]:
    """Return late share, P90 and demand by township; those with fewer than five cases are joined."""
    rows = []
    for joined, of in merge_small(placed.owners):
        seconds, judged = placed.response_s[of], placed.judged[of]
        arrived_s = seconds[np.isfinite(seconds)]
        low_s, p90_s, high_s = p90_of(arrived_s) or (None, None, None)
        late = Proportion.of(int((placed.late[of] & judged).sum()), int(judged.sum()))
        rows.append(
            {
                "townships": [each for each in joined if each],
                "n": len(of),
                "late": late.as_json(),
                "p90_n": len(arrived_s),
                "p90_s": p90_s,
                "p90_low_s": low_s,
                "p90_high_s": high_s,
            }
        )
    return rows


def _geometry(shape: BaseGeometry) -> dict[str, Json]:
    """Return GeoJSON with six digits (0.1 m)."""
    value: dict[str, Json] = _rounded(shapely.geometry.mapping(shapely.set_precision(shape, 1e-6)))
    return value


def _rounded(value: Any) -> Any:  # noqa: ANN401 - any part of GeoJSON
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return value
