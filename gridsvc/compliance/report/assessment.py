"""The tables for the assessment: townships and units, with guards against ranking small samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.compliance.proportions import LEAST_RANKED
from gridsvc.pages.charts import bars
from gridsvc.pages.html import bar_of, figure, head, interval, percent, percentile, table, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.compliance.report.words import Words


def sections(document: dict[str, Any], words: Words) -> Iterator[str]:
    """Return the chart of the townships, and a table of townships and of units for each class."""
    yield head(words("assessment"), document["clock"]["id"])
    yield f"<p class='note'>{text(words('assessment_note'))}</p>"
    for kind, rows in document["by"]["township"].items():
        whole = next(each for each in document["outcomes_by_class"] if each["group"]["class"] == kind)
        if not whole["met"] + whole["late"]:
            continue
        named = [
            bar_of(name_of(document, "township", each, words), each, whole["met_share"], least=LEAST_RANKED)
            for each in rows
        ]
        title = f"{words('by_township')} · {words(kind)}"
        nominal = document["clock"]["percentile"] / 100
        drawing = bars(title, named, nominal=nominal, too_few=words("too_few"))
        yield figure(title, drawing, words("township_note", least=LEAST_RANKED))
    for dimension in ("township", "unit", "lead"):
        for kind, rows in document["by"][dimension].items():
            yield f"<h3>{text(words(dimension))} · {text(words(kind))}</h3>"
            yield _table(document, dimension, rows, words)


def name_of(document: dict[str, Any], dimension: str, row: dict[str, Any], words: Words) -> str:
    """Return what a group is called."""
    code = row["group"][dimension]
    if code is None:
        return words("none")
    name: str = document["names"].get(dimension, {}).get(code, code)
    return name


def _table(document: dict[str, Any], dimension: str, rows: list[dict[str, Any]], words: Words) -> str:
    share = f"{document['clock']['percentile']:g}"
    if not any(each["met"] + each["late"] for each in rows):  # the data has no targets
        timed = [
            (name_of(document, dimension, each, words), each["cases"], percentile(each, words("too_few")))
            for each in rows
        ]
        return table([words(dimension), words("n_cases"), words("percentile", share)], timed)
    ranks = sum(each["rank_from"] is not None for each in rows)
    heads = [words(each) for each in (dimension, "n_cases", "met", "late", "missing", "open", "met_share", "interval")]
    heads += [words("percentile", share), words("rank", ranks)]
    return table(
        heads,
        [
            (
                name_of(document, dimension, each, words),
                each["cases"],
                each["met"],
                each["late"],
                each["missing"],
                each["open"],
                percent(each["met_share"]),
                interval(each["met_share_low"], each["met_share_high"]),
                percentile(each, words("too_few")),
                _place(each, words),
            )
            for each in rows
        ],
    )


def _place(row: dict[str, Any], words: Words) -> str:
    if row["rank_from"] is None:
        return words("no_rank")
    first, last = row["rank_from"], row["rank_to"]
    return str(first) if first == last else f"{first}–{last}"
