"""The tables for the assessment: townships and units, with guards against ranking small samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.compliance.proportions import LEAST_RANKED
from gridsvc.compliance.quantiles import least_count
from gridsvc.pages.charts import bars
from gridsvc.pages.html import bar_of, figure, head, interval, percent, percentile, table, text
from gridsvc.pages.words import letter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.pages.words import Words

_FEW = 4
"""From so many groups on whose times are too few, they are one row."""


def sections(document: dict[str, Any], words: Words) -> Iterator[str]:
    """Return the chart of the townships, and a table of townships and of units for each class."""
    yield head(words("assessment"), document["clock"]["id"])
    share = document["clock"]["percentile"] / 100
    if has_targets(document["outcomes_by_class"]):
        note = words("assessment_note", least=least_count(share, sides=2))
    else:
        note = words("assessment_times", least=least_count(share, sides=1))
    yield f"<p class='note'>{text(note)}</p>"
    wholes = {each["group"]["class"]: each for each in document["outcomes_by_class"]}
    drawn = [kind for kind in document["by"]["township"] if wholes[kind]["met"] + wholes[kind]["late"]]
    for number, kind in enumerate(drawn):
        named = [
            bar_of(name, each, wholes[kind]["met_share"], least=LEAST_RANKED)
            for name, each in by_size(document, "township", document["by"]["township"][kind], words)
        ]
        title = f"{words('by_township', letter(number, len(drawn)))} · {words(kind)}"
        drawing = bars(title, named, nominal=share, too_few=words("too_few"))
        yield figure(title, drawing, words("township_note", least=LEAST_RANKED) if kind == drawn[-1] else "")
    for dimension in ("township", "unit", "lead"):
        for kind, rows in document["by"][dimension].items():
            if dimension == "lead" and _teams_of(rows) == _teams_of(document["by"]["unit"].get(kind, [])):
                continue  # each unit is one team
            yield f"<h3>{text(words(dimension))} · {text(words(kind))}</h3>"
            yield from _table(document, dimension, rows, words)


def _teams_of(rows: list[dict[str, Any]]) -> list[tuple[str, int, int | None]]:
    """Return the names of groups with two of their figures, to compare two divisions."""
    found = (next(iter(each["group"].values())) for each in rows)
    return sorted((str(name), each["cases"], each.get("percentile_n")) for name, each in zip(found, rows, strict=True))


def has_targets(rows: list[dict[str, Any]]) -> bool:
    """Whether a target applies to any of the cases, if there are any; the first format of the document has targets."""
    cases = sum(each["cases"] for each in rows)
    return cases == 0 or any(
        each["target_s"] is not None
        or each["met"] + each["late"] + each["missing"] + each["open"]
        or "percentile_n" not in each
        for each in rows
    )


def by_size(
    document: dict[str, Any], dimension: str, rows: list[dict[str, Any]], words: Words
) -> list[tuple[str, dict[str, Any]]]:
    """Return the rows with their names: those with most cases first, then by name; what has no name is last."""
    named = [(_name_of(document, dimension, each, words), each) for each in rows]
    return sorted(named, key=lambda one: (one[1]["group"][dimension] is None, -one[1]["cases"], one[0]))


def _name_of(document: dict[str, Any], dimension: str, row: dict[str, Any], words: Words) -> str:
    code = row["group"][dimension]
    if code is None:
        return words(f"none_{dimension}")
    name: str = document["names"].get(dimension, {}).get(code, code)
    return name


def _table(document: dict[str, Any], dimension: str, rows: list[dict[str, Any]], words: Words) -> Iterator[str]:
    asked = f"{document['clock']['percentile']:g}"
    named = by_size(document, dimension, rows, words)
    if not any(each["met"] + each["late"] for each in rows):  # the data has no targets
        few = [each for _, each in named if each["percentile_s"] is None]
        shown = [(name, each) for name, each in named if len(few) < _FEW or each["percentile_s"] is not None]
        timed = [(name, each["cases"], percentile(each, words("too_few"))) for name, each in shown]
        if len(shown) < len(named):
            timed.append((words("others", len(few)), sum(each["cases"] for each in few), "—"))
        yield table([words(dimension), words("n_cases"), words("percentile", asked)], timed)
        return
    ranks = sum(each["rank_from"] is not None for each in rows)
    counts = counts_of(rows)
    heads = [dimension, *counts, "met_share", "interval"]
    body = [
        [
            name,
            *(each[count] for count in counts),
            percent(each["met_share"]),
            interval(each["met_share_low"], each["met_share_high"]),
            percentile(each, words("too_few")),
            *([_place(each, words)] if ranks > 1 else []),
        ]
        for name, each in named
    ]
    placed = [words("rank", ranks)] if ranks > 1 else []
    yield table([*(words(HEADS.get(each, each)) for each in heads), words("percentile", asked), *placed], body)


HEADS = {"cases": "n_cases"}


def counts_of(rows: list[dict[str, Any]]) -> list[str]:
    """Return the counts that a table of outcomes shows; open and untimed cases only where there are some."""
    return ["cases", "met", "late", "missing", *(name for name in ("open", "not_timed") if any(r[name] for r in rows))]


def _place(row: dict[str, Any], words: Words) -> str:
    if row["rank_from"] is None:
        return words("no_rank")
    first, last = row["rank_from"], row["rank_to"]
    return str(first) if first == last else f"{first}–{last}"
