"""The conclusions of a report, each from figures that allow one: what was found, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.compliance.proportions import LEAST_RANKED
from gridsvc.pages.html import interval, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.compliance.report.words import Words

LEAST_CAUSES = 20
"""Of fewer late cases no first cause is named."""


def findings(document: dict[str, Any], words: Words) -> list[str]:
    """Return sentences, the most important first; each with its n and interval."""
    return [
        *_classes(document, words),
        *_causes(document, words),
        *_area(document, words),
        *_missing(document, words),
        *_change(document, words),
        *_predictions(document, words),
    ]


def _classes(document: dict[str, Any], words: Words) -> Iterator[str]:
    for row in document["outcomes_by_class"]:
        cls, n = words(str(row["group"]["class"] or "none")), row["met"] + row["late"]
        if n == 0:
            yield words("find_none", cls=cls, cases=row["cases"])
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


def _causes(document: dict[str, Any], words: Words) -> Iterator[str]:
    causes = document["causes"]
    if not causes or not causes["all"]["late"]:
        return
    if causes["all"]["late"] < LEAST_CAUSES:
        yield words("find_few", late=causes["all"]["late"])
        return
    first = max(causes["all"]["causes"], key=lambda each: each["main"]["count"])
    main = first["main"]
    yield words(
        "find_cause",
        late=causes["all"]["late"],
        cause=words(f"cause_{first['cause']}"),
        count=main["count"],
        share=percent(main["share"]),
        low=percent(main["low"]),
        high=percent(main["high"]),
        advice=words(f"advice_{first['cause']}"),
    )


def _area(document: dict[str, Any], words: Words) -> Iterator[str]:
    """Name the area with the highest late share, if even the lower end of its interval is above the whole."""
    areas = [each["properties"] for each in document["map"]["areas"]]
    judged, late = sum(each["judged"] for each in areas), sum(each["late"] for each in areas)
    if not judged:
        return
    worse = [each for each in areas if each["judged"] >= LEAST_RANKED and each["late_low"] > late / judged]
    if not worse:
        return
    worst = max(worse, key=lambda each: (each["late_share"], each["id"]))
    names = document["names"]["township"]
    yield words(
        "find_area",
        place="、".join(names.get(code, code) for code in worst["townships"]) or words("none"),
        late=worst["late"],
        n=worst["judged"],
        share=percent(worst["late_share"]),
        low=percent(worst["late_low"]),
        high=percent(worst["late_high"]),
    )


def _missing(document: dict[str, Any], words: Words) -> Iterator[str]:
    for row in document["outcomes"]:
        if row["missing"]:
            yield words(
                "find_missing",
                n=row["missing"],
                worst=percent(row["met_share_if_missing_late"]),
                best=percent(row["met_share_if_missing_met"]),
            )


def _change(document: dict[str, Any], words: Words) -> Iterator[str]:
    for change in (document["trend"] or {"changes": []})["changes"][-1:]:
        yield words(
            "find_change",
            period=change["since"],
            before=percent(change["before"]),
            after=percent(change["after"]),
            low=percent(change["difference_low"]),
            high=percent(change["difference_high"]),
        )


def _predictions(document: dict[str, Any], words: Words) -> Iterator[str]:
    for each in (document["predictions"] or {"warnings": []})["warnings"]:
        share = each["share"]
        yield words(
            "find_calibration",
            cls=words(each["class"]),
            what={"p50": "P50", "p90": "P90", "range_90": "90%"}[each["what"]],
            nominal=percent(each["nominal"]),
            share=f"{percent(share['share'])} ({interval(share['low'], share['high'])})",
            months=len(each["months"]),
            n=share["n"],
        )
