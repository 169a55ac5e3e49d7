"""Where responses were late: the map of areas, and the same by township."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import shapely

from gridsvc.compliance.report.assessment import has_targets
from gridsvc.pages.charts import Bar, Shaded, area_map
from gridsvc.pages.html import between, figure, head, minutes, proportion, table, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.pages.words import Words


def sections(document: dict[str, Any], words: Words) -> Iterator[str]:
    """Return the map and the table of townships."""
    yield head(words("map"), document["clock"]["id"])
    names = document["names"]["township"]
    areas = [
        Shaded(shapely.geometry.shape(each["geometry"]), _bar(each["properties"])) for each in document["map"]["areas"]
    ]
    if areas:
        outlines = [
            (names.get(each["township"], each["township"]), shapely.geometry.shape(each["geometry"]))
            for each in document["map"]["outlines"]
        ]
        note = words("map_note", least=document["map"]["least"], areas=len(areas), n=sum(each.late.n for each in areas))
        yield figure(words("figure_map"), area_map(words("figure_map"), areas, outlines, words("map_wide")), note)
    else:
        why = "map_none" if has_targets(document["outcomes_by_class"]) else "map_no_target"
        yield f"<p>{text(words(why))}</p>"
    if not document["map"]["townships"]:
        return
    yield f"<h3>{text(words('by_township_table'))}</h3>"
    named = [(townships_of(document, each["townships"], words), each) for each in document["map"]["townships"]]
    yield table(
        [words("township"), words("n_timed"), words("late_share"), words("percentile", 90)],
        [
            (name, each["n"], proportion(each["late"]), _p90(each, words("too_few")))
            for name, each in sorted(named, key=lambda one: (-int(one[1]["n"]), one[0]))
        ],
    )


def _p90(row: dict[str, Any], too_few: str) -> str:
    n = row.get("p90_n", row["n"])
    if row["p90_s"] is None:
        return f"{too_few} (n={n})"
    return f"{minutes(row['p90_s'])} ({between(row['p90_low_s'], row['p90_high_s'])}), n={n}"


def townships_of(document: dict[str, Any], codes: list[str], words: Words) -> str:
    """Return the names of some townships."""
    names = document["names"]["township"]
    return words("and").join(names.get(each, each) for each in codes) or words("none_township")


def _bar(area: dict[str, Any]) -> Bar:
    return Bar(area["id"], area["late_share"], area["late_low"], area["late_high"], area["n"])
