"""The conclusions of a report, each from figures that allow one: what was found, and what to do next."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from gridsvc.compliance.proportions import CONFIDENCE, LEAST_RANKED, Proportion, interval
from gridsvc.compliance.report.where import townships_of
from gridsvc.pages.html import between, minutes, percent, points

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.pages.words import Words

LEAST_CAUSES = 20
"""Of fewer late cases no first cause is named."""
HOURS = 24


def findings(document: dict[str, Any], words: Words) -> list[str]:
    """Return sentences, the most important first; each with its n and interval."""
    return [
        *_classes(document, words),
        *_causes(document, words),
        *_groups(document, words),
        *_area(document, words),
        *_missing(document, words),
        *_change(document, words),
        *_predictions(document, words),
    ]


def _named(kind: str, words: Words) -> str:
    """Return the name of a class at the beginning of a sentence."""
    name = words(kind)
    return name[:1].upper() + name[1:]


def _classes(document: dict[str, Any], words: Words) -> Iterator[str]:
    for row in document["outcomes_by_class"]:
        cls, n = _named(row["group"]["class"], words), row["met"] + row["late"]
        if n == 0:
            known = row["percentile_s"] is not None and row["target_s"] is None
            yield _times(document, row, cls, words) if known else words("find_none", cls=cls, cases=row["cases"])
            continue
        yield words(
            "find_reached",
            cls=cls,
            share=percent(row["met_share"]),
            met=row["met"],
            n=n,
            low=percent(row["met_share_low"]),
            high=percent(row["met_share_high"]),
            asked=percent(row["asked_share"]),
            verdict=words(f"verdict_{str(row['reached']).lower()}"),
        )


def _times(document: dict[str, Any], row: dict[str, Any], cls: str, words: Words) -> str:
    """Return what the times of a class say that has no target."""
    return words(
        "find_no_target",
        cls=cls,
        cases=row["cases"],
        n=row["percentile_n"],
        missing=row["cases"] - row["percentile_n"],
        asked=f"{document['clock']['percentile']:g}",
        p=f"{minutes(row['percentile_s'])} ({between(row['percentile_low_s'], row['percentile_high_s'])})",
    )


def _causes(document: dict[str, Any], words: Words) -> Iterator[str]:
    for kind, lateness in (document["causes"] or {"by_class": {}})["by_class"].items():
        cls, late = _named(kind, words), lateness["late"]
        if late < LEAST_CAUSES:
            yield words("find_few", cls=cls, late=late)
            continue
        ordered = sorted(lateness["causes"], key=lambda each: -int(each["main"]["count"]))
        first, second = ordered[0]["main"], ordered[1]["main"]
        yield words(
            "find_cause" if _more_than_chance(first["count"], second["count"]) else "find_causes",
            cls=cls,
            late=late,
            cause=words(f"cause_{ordered[0]['cause']}"),
            count=first["count"],
            share=percent(first["share"]),
            low=percent(first["low"]),
            high=percent(first["high"]),
            second=words(f"cause_{ordered[1]['cause']}"),
            second_count=second["count"],
            advice=words(f"advice_{ordered[0]['cause']}"),
        )


def _more_than_chance(first: int, second: int) -> bool:
    """Say whether one count is above another beyond chance: were both as likely, half of the two would be each."""
    low = Proportion.of(first, first + second).low
    return low is not None and low > 0.5


def _groups(document: dict[str, Any], words: Words) -> Iterator[str]:
    """Name the lead teams, months and hours below the share of their class.

    Their interval leaves it out although so many are compared (Bonferroni).
    """
    shares = {row["group"]["class"]: row["met_share"] for row in document["outcomes_by_class"]}
    for dimension in ("lead", "month", "hour"):
        for kind, rows in document["by"][dimension].items():
            known = [each for each in rows if each["group"][dimension] is not None]
            enough = [each for each in known if each["met"] + each["late"] >= LEAST_RANKED]
            compared = HOURS if dimension == "hour" else len(enough)
            usual = median(each["cases"] for each in known) if known else 0
            for row in enough:
                low = interval(row["met"], row["met"] + row["late"], 1 - (1 - CONFIDENCE) / compared)[1]
                if low < shares[kind]:
                    yield _group(
                        document, dimension, row, words, cls=_named(kind, words), compared=compared, usual=usual
                    )


def _group(document: dict[str, Any], dimension: str, row: dict[str, Any], words: Words, **named: object) -> str:
    value = row["group"][dimension]
    if dimension == "hour":
        named |= {"hour": value, "next": value + 1}
    else:
        named |= {"name": document["names"].get(dimension, {}).get(value, value)}
    return words(
        f"find_{dimension}",
        cases=row["cases"],
        met=row["met"],
        n=row["met"] + row["late"],
        share=percent(row["met_share"]),
        low=percent(row["met_share_low"]),
        high=percent(row["met_share_high"]),
        **named,
    )


def _area(document: dict[str, Any], words: Words) -> Iterator[str]:
    """Name the area with the highest late share, of those above what their mix of classes has in the district."""
    worse = [each["properties"] for each in document["map"]["areas"] if each["properties"].get("above_district")]
    if not worse:
        return
    worst = max(worse, key=lambda each: (each["late_share"], each["id"]))
    yield words(
        "find_area",
        place=townships_of(document, worst["townships"], words),
        late=worst["late"],
        n=worst["judged"],
        share=percent(worst["late_share"]),
        low=percent(worst["late_low"]),
        high=percent(worst["late_high"]),
    )


def _missing(document: dict[str, Any], words: Words) -> Iterator[str]:
    for row in document["outcomes_by_class"]:
        if row["missing"]:
            yield words(
                "find_missing",
                cls=_named(row["group"]["class"], words),
                n=row["missing"],
                of=row["met"] + row["late"] + row["missing"],
                worst=percent(row["met_share_if_missing_late"]),
                best=percent(row["met_share_if_missing_met"]),
            )


def _change(document: dict[str, Any], words: Words) -> Iterator[str]:
    for trend in document["trends"]:
        for change in trend["changes"][-1:]:
            yield words(
                "find_change",
                cls=_named(trend["class"], words),
                period=change["since"],
                before=percent(change["before"]),
                met_before=change["met_before"],
                n_before=change["decided_before"],
                after=percent(change["after"]),
                met=change["met"],
                n=change["decided"],
                difference=points(change["difference"]),
                low=points(change["difference_low"]),
                high=points(change["difference_high"]),
            )


def _predictions(document: dict[str, Any], words: Words) -> Iterator[str]:
    for each in (document["predictions"] or {"warnings": []})["warnings"]:
        share = each["share"]
        yield words(
            "find_calibration",
            cls=_named(each["class"], words),
            what={"p50": "P50", "p90": "P90", "range_90": words("within_90")}[each["what"]],
            nominal=percent(each["nominal"]),
            share=percent(share["share"]),
            low=percent(share["low"]),
            high=percent(share["high"]),
            months=len(each["months"]),
            n=share["n"],
        )
