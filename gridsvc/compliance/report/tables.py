"""A report as one table: a row for each figure, with its n, its policy, its period and its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = (
    "table", "class", "group", "name", "figure", "n", "count", "value", "low", "high", "unit", "policy",
    "policy_version", "district", "since", "until", "sha256",
)  # fmt: skip
"""`value` is a share (0 to 1) of `count` among `n`, or seconds of a sample of `n`; null = too few cases for it."""


def table_rows(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a report's document, each with all COLUMNS."""
    about = {
        "policy": document["clock"]["id"],
        "policy_version": document["clock"]["version"],
        "district": document["district"],
        "since": document["since"],
        "until": document["until"],
        "sha256": document["basis"]["sha256"],
    }
    found = [*_outcomes(document), *_causes(document), *_areas(document), *_predictions(document)]
    return [dict.fromkeys(COLUMNS) | about | each for each in found]


def _outcomes(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for row in document["outcomes_by_class"]:
        yield from _outcome("class", row["group"]["class"], None, None, row)
    for dimension, by_class in document["by"].items():
        names = document["names"].get(dimension, {})
        for kind, rows in by_class.items():
            for row in rows:
                group = row["group"][dimension]
                key = None if group is None else str(group)
                yield from _outcome(dimension, kind, key, names.get(key), row)


def _outcome(
    table: str, kind: str | None, group: str | None, name: str | None, row: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    base = {"table": table, "class": kind, "group": group, "name": name}
    decided = row["met"] + row["late"]
    share = {"value": row["met_share"], "low": row["met_share_low"], "high": row["met_share_high"]}
    yield base | {"figure": "met", "n": decided, "count": row["met"], "unit": "share"} | share
    for figure in ("missing", "open"):
        yield base | {"figure": figure, "n": row["cases"], "count": row[figure], "unit": "cases"}
    times = {"value": row["percentile_s"], "low": row["percentile_low_s"], "high": row["percentile_high_s"]}
    yield base | {"figure": "percentile", "n": row.get("percentile_n", decided), "unit": "s"} | times


def _proportion(value: dict[str, Any]) -> dict[str, Any]:
    return {
        "n": value["n"],
        "count": value["count"],
        "value": value["share"],
        "low": value["low"],
        "high": value["high"],
        "unit": "share",
    }


def _causes(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    causes = document["causes"]
    if causes is None:
        return
    recorded = {"policy": "as-reported", "policy_version": None}
    for kind, lateness in ((None, causes["all"]), *causes["by_class"].items()):
        for each in lateness["causes"]:
            yield (
                recorded
                | {"table": "cause", "class": kind, "group": each["cause"], "figure": "main-cause"}
                | (_proportion(each["main"]))
            )
        for each in lateness["remedies"]:
            yield (
                recorded
                | {"table": "remedy", "class": kind, "group": each["kind"], "figure": "would-meet"}
                | (_proportion(each["met"]))
            )


def _areas(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    names = document["names"]["township"]
    for area in document["map"]["areas"]:
        own = area["properties"]
        base = {
            "table": "area",
            "group": own["id"],
            "name": "+".join(names.get(each, each) for each in own["townships"]),
        }
        late = {"count": own["late"], "value": own["late_share"], "low": own["late_low"], "high": own["late_high"]}
        yield base | {"figure": "late", "n": own["judged"], "unit": "share"} | late
        times = {"value": own["p90_s"], "low": own["p90_low_s"], "high": own["p90_high_s"]}
        yield base | {"figure": "p90", "n": own.get("p90_n", own["judged"]), "unit": "s"} | times


def _predictions(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    honest = document["predictions"]
    if honest is None:
        return
    for row in (*honest["classes"], *honest["months"]):
        base = {"table": "prediction", "class": row["class"], "group": row["month"]}
        for figure in ("predicted_in_time", "predicted_late", "p05", "p50", "p90", "p95", "range_90"):
            yield base | {"figure": figure} | _proportion(row[figure])
    for each in document["hindsight"]:
        for figure in ("earlier", "in_time"):
            yield {"table": "hindsight", "group": each["kind"], "figure": figure} | _proportion(each[figure])
