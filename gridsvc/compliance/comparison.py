"""Two periods beside each other: the difference of each figure, with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from gridsvc.compliance.quantiles import Difference, Quantile, difference, wilson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gridsvc.compliance.figures import Figure, InTime
    from gridsvc.compliance.groups import Value
    from gridsvc.compliance.outcomes import Outcome
    from gridsvc.json_types import Json

K = TypeVar("K")


def compared_figures(before: Sequence[Figure], after: Sequence[Figure]) -> list[dict[str, Json]]:
    """Return the differences (after - before) of each interval and group of either period."""
    earlier = {(_key(each.group), each.interval): each for each in before}
    later = {(_key(each.group), each.interval): each for each in after}
    rows: list[dict[str, Json]] = []
    for key in _either(later, earlier):
        one, two = earlier.get(key), later.get(key)
        known = two or one
        assert known is not None
        row: dict[str, Json] = {
            "group": dict(known.group),
            "interval": str(known.interval),
            "n_before": 0 if one is None else one.counts.complete,
            "n": 0 if two is None else two.counts.complete,
        }
        for name in ("p50", "p90"):
            row |= _shown(f"{name}_difference", _quantiles(one, two, name), "_s", 3)
        row |= _shown("within_target_difference", _shares(one, two), "", 6)
        rows.append(row)
    return rows


def compared_outcomes(before: Sequence[Outcome], after: Sequence[Outcome]) -> list[dict[str, Json]]:
    """Return the differences of the share in time by the clock policy in each group of either period."""
    earlier = {_key(each.group): each for each in before}
    later = {_key(each.group): each for each in after}
    rows: list[dict[str, Json]] = []
    for key in _either(later, earlier):
        one, two = earlier.get(key), later.get(key)
        known = two or one
        assert known is not None
        found = Difference(None, None, None)
        if one is not None and two is not None:
            found = difference(wilson(one.met, one.decided), wilson(two.met, two.decided))
        counts: dict[str, Json] = {
            "group": dict(known.group),
            "decided_before": 0 if one is None else one.decided,
            "decided": 0 if two is None else two.decided,
            "met_share_before": None if one is None else one.as_json()["met_share"],
            "met_share": None if two is None else two.as_json()["met_share"],
        }
        rows.append(counts | _shown("met_share_difference", found, "", 6))
    return rows


def _either(later: Mapping[K, object], earlier: Mapping[K, object]) -> Iterable[K]:
    return (*later, *(each for each in earlier if each not in later))


def _key(group: dict[str, Value]) -> tuple[tuple[str, Value], ...]:
    return tuple(group.items())


def _quantiles(one: Figure | None, two: Figure | None, name: str) -> Difference:
    none = Quantile(None, None, None)
    return difference(*(none if each is None else getattr(each, name) for each in (one, two)))


def _shares(one: Figure | None, two: Figure | None) -> Difference:
    if one is None or two is None or one.in_time is None or two.in_time is None:
        return Difference(None, None, None)
    return difference(_score(one.in_time), _score(two.in_time))


def _score(found: InTime) -> Quantile:
    return Quantile(*wilson(found.hits, found.count))


def _shown(name: str, found: Difference, unit: str, digits: int) -> dict[str, Json]:
    shown = {
        f"{name}{unit}": found.value,
        f"{name}_low{unit}": found.low,
        f"{name}_high{unit}": found.high,
    }
    rounded = {key: None if value is None else round(value, digits) for key, value in shown.items()}
    return rounded | {name.removesuffix("_difference") + "_changed": found.changed}
