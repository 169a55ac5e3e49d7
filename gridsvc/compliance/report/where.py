"""Where responses were late: the map of areas, and the same by township."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import shapely

from gridsvc.pages.charts import Bar, Shaded, area_map
from gridsvc.pages.html import between, figure, head, minutes, proportion, table, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.compliance.report.words import Words


def sections(document: dict[str, Any], words: Words) -> Iterator[str]:
    """Return the map and the table of townships."""
    yield head(words("map"), document["clock"]["id"])
    areas = [
        Shaded(shapely.geometry.shape(each["geometry"]), _bar(each["properties"])) for each in document["map"]["areas"]
    ]
    if areas:
        outlines = [shapely.geometry.shape(each["geometry"]) for each in document["map"]["outlines"]]
        note = words("map_note", least=document["map"]["least"], areas=len(areas), n=sum(each.late.n for each in areas))
        yield figure(words("figure_map"), area_map(words("figure_map"), areas, outlines), note)
    else:
        yield f"<p>{text(words('map_none'))}</p>"
    if not document["map"]["townships"]:
        return
    yield f"<h3>{text(words('by_township_table'))}</h3>"
    yield table(
        [words("township"), words("n_cases"), words("late_share"), words("percentile", 90)],
        [
            (
                townships_of(document, each["townships"], words),
                each["n"],
                proportion(each["late"]),
                words("too_few")
                if each["p90_s"] is None
                else f"{minutes(each['p90_s'])} ({between(each['p90_low_s'], each['p90_high_s'])})",
            )
            for each in document["map"]["townships"]
        ],
    )


def townships_of(document: dict[str, Any], codes: list[str], words: Words) -> str:
    """Return the names of some townships."""
    names = document["names"]["township"]
    return "、".join(names.get(each, each) for each in codes) or words("none")


def _bar(area: dict[str, Any]) -> Bar:
    return Bar(area["id"], area["late_share"], area["late_low"], area["late_high"], area["n"])
