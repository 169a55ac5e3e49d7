"""The report as one page that stands alone: no script, no font, no picture from elsewhere; it prints on A4."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from gridsvc.compliance.classes import class_order
from gridsvc.compliance.report import assessment, where, why
from gridsvc.compliance.report.findings import findings
from gridsvc.compliance.report.words import words_of
from gridsvc.pages.charts import Bar, Curve, columns, cumulative
from gridsvc.pages.html import (
    STYLE,
    bar_of,
    between,
    figure,
    head,
    interval,
    minutes,
    percent,
    percentile,
    table,
    text,
)
from gridsvc.pages.words import letter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.pages.words import Words


def page(document: dict[str, Any], language: str) -> str:
    """Return the HTML of a report's document (`contents.report_json`) in `zh` or `en`."""
    words = words_of(language)
    document = _in_order(document)
    body = "\n".join(_sections(document, words))
    title = f"{words('title')} · {document['district_name']}"
    lang = "zh-CN" if language == "zh" else "en"
    return (
        f'<!doctype html>\n<html lang="{lang}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _in_order(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document with its classes in order: one that was stored has its names sorted.

    One of the first format has a trend of all classes together, which is not shown.
    """
    causes = document["causes"]
    return (
        {"trends": []}
        | document
        | {
            "by": {dimension: _by_class(rows) for dimension, rows in document["by"].items()},
            "causes": causes and causes | {"by_class": _by_class(causes["by_class"])},
        }
    )


def _by_class(found: dict[str, Any]) -> dict[str, Any]:
    return {kind: found[kind] for kind in sorted(found, key=class_order)}


def _sections(document: dict[str, Any], words: Words) -> Iterator[str]:
    yield _head(document, words)
    found = "".join(f"<li>{text(each)}</li>" for each in findings(document, words))
    title = f"<small>{text(document['clock']['id'])}</small><strong>{text(words('findings'))}</strong>"
    yield f'<section class="found">{title}<ol>{found}</ol></section>'
    yield from _summary(document, words)
    yield from assessment.sections(document, words)
    yield from why.sections(document, words)
    yield from where.sections(document, words)
    yield from why.predictions(document, words)
    yield from _how(document, words)


def _head(document: dict[str, Any], words: Words) -> str:
    clock = document["clock"]
    basis = document["basis"]
    facts = [
        (words("period"), period_words(document, words)),
        (
            words("policy"),
            words(
                "policy_line",
                name=clock["name" if words.language == "zh" else "name_en"] or clock["id"],
                id=clock["id"],
                version=clock["version"][:12],
                percent=f"{clock['percentile']:g}",
            ),
        ),
        (words("as_of"), _local(document, document["as_of"])),
        (
            words("basis"),
            words("basis_line", cases=basis["cases"], teams=basis["teams"], digest=basis["sha256"][:16]),
        ),
    ]
    if document["source"] != "live":
        facts.append((words("source"), words(f"source_{document['source']}")))
    facts += [
        (words("import"), words("import_line", name=each["name"], cases=each["cases"], digest=each["digest"][:16]))
        for each in document.get("imports", ())
    ]
    rows = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in facts)
    warn = f'<p class="warn">{text(words("synthetic"))}</p>' if document["synthetic"] else ""
    return f'<h1>{text(words("title"))} · {text(document["district_name"])}</h1>{warn}<dl class="facts">{rows}</dl>'


def period_words(document: dict[str, Any], words: Words) -> str:
    """Return the period of a report in words, in the district's time."""
    ends = []
    if document["since"]:
        ends.append(words("from", _local(document, document["since"])))
    if document["until"]:
        ends.append(words("before", _local(document, document["until"])))
    if ends:
        return " ".join(ends)
    both = [document.get("first"), document.get("last")]
    known = [_local(document, each) for each in both if each is not None]
    return words("whole", *known) if known else words("nothing")


def _local(document: dict[str, Any], moment: str) -> str:
    local = datetime.fromisoformat(moment).astimezone(ZoneInfo(document["time_zone"]))
    return f"{local:%Y-%m-%d %H:%M}"


def _summary(document: dict[str, Any], words: Words) -> Iterator[str]:
    targets = assessment.has_targets(document["outcomes_by_class"])
    note = words("summary_note" if targets else "no_target")
    yield head(words("summary"), document["clock"]["id"]) + f"<p class='note'>{text(note)}</p>"
    yield _outcomes(document, words) if targets else _times(document, words)
    curves = [Curve(words(each["class"]), each["points"], each["n"], each["target_s"]) for each in document["curves"]]
    if curves:
        clock = document["clock"]
        title = words("curve", words(f"event_{clock['start_event']}"), words(f"event_{clock['stop_event']}"))
        drawn = [words("curve_note"), *([words("curve_target")] if any(each.target_s for each in curves) else [])]
        yield figure(
            title, cumulative(title, curves, words("minutes")), ("" if words.language == "zh" else " ").join(drawn)
        )
    yield from _intervals(document, words)
    for dimension in ("month", "hour"):
        yield from _columns(document, dimension, words)


def _outcomes(document: dict[str, Any], words: Words) -> str:
    """Return the table of what was in time, by class."""
    rows = document["outcomes_by_class"]
    counts = assessment.counts_of(rows)
    heads = [
        "class",
        "target",
        *(assessment.HEADS.get(each, each) for each in counts),
        "met_share",
        "interval",
        "asked",
    ]
    return table(
        [*(words(each) for each in heads), words("percentile", f"{document['clock']['percentile']:g}")],
        [
            (
                words(each["group"]["class"]),
                minutes(each["target_s"]),
                *(each[count] for count in counts),
                percent(each["met_share"]),
                interval(each["met_share_low"], each["met_share_high"]),
                percent(each["asked_share"]),
                percentile(each, words("too_few")),
            )
            for each in rows
        ],
    )


def _times(document: dict[str, Any], words: Words) -> str:
    """Return the table of cases without targets, by class."""
    heads = [*(words(each) for each in ("class", "n_cases", "arrived", "missing"))]
    return table(
        [*heads, words("percentile", f"{document['clock']['percentile']:g}")],
        [
            (
                words(row["group"]["class"]),
                row["cases"],
                row["percentile_n"],
                row["cases"] - row["percentile_n"],
                percentile(row, words("too_few")),
            )
            for row in document["outcomes_by_class"]
        ],
    )


def _intervals(document: dict[str, Any], words: Words) -> Iterator[str]:
    """Return the parts of the response: counts, median and P90 of each with intervals, and what is not known."""
    yield f"<h3>{text(words('parts'))}</h3><p class='note'>{text(words('parts_note'))}</p>"
    heads = ("part", "class", "n_times", "missing_times", "impossible", "part_p50", "part_p90", "part_bounds")
    yield table(
        [words(each) for each in heads],
        [
            (
                words(f"part_{each['interval']}"),
                words(each["group"]["class"]),
                each["n"],
                each["missing"],
                each["impossible"],
                _quantile(each, "p50", words),
                _quantile(each, "p90", words),
                _bounds(each, words),
            )
            for each in document["figures_by_class"]
        ],
    )


def _quantile(row: dict[str, Any], name: str, words: Words) -> str:
    if row[f"{name}_s"] is None:
        return words("too_few")
    return f"{minutes(row[f'{name}_s'])} ({between(row[f'{name}_low_s'], row[f'{name}_high_s'])})"


def _bounds(row: dict[str, Any], words: Words) -> str:
    if not row["missing"] + row["impossible"]:
        return words("no_bounds")
    return between(row["p90_if_unknown_in_time_s"], row["p90_if_unknown_late_s"])


def _columns(document: dict[str, Any], dimension: str, words: Words) -> Iterator[str]:
    nominal = document["clock"]["percentile"] / 100
    divided = [
        (kind, bars)
        for kind, rows in document["by"][dimension].items()
        if len(bars := list(_without_holes(dimension, rows))) > 1 and any(each.n for each in bars)
    ]
    for number, (kind, bars) in enumerate(divided):
        title = f"{words(f'by_{dimension}', letter(number, len(divided)))} · {words(kind)}"
        note = words("bars_note") if number == len(divided) - 1 else ""
        yield figure(title, columns(title, bars, nominal=nominal), note)


def _without_holes(dimension: str, rows: list[dict[str, Any]]) -> Iterator[Bar]:
    """Return a bar for each hour of the day, or for each month from the first to the last; None where no case is."""
    known = {each["group"][dimension]: each for each in rows if each["group"][dimension] is not None}
    for value in range(24) if dimension == "hour" else _months(list(known)):
        label = _label(value)
        yield bar_of(label, known[value]) if value in known else Bar(label, None, None, None, 0)


def _months(found: list[str]) -> Iterator[str]:
    if not found:
        return
    first, last = (int(each[:4]) * 12 + int(each[5:]) - 1 for each in (min(found), max(found)))
    for month in range(first, last + 1):
        yield f"{month // 12}-{month % 12 + 1:02}"


def _label(value: object) -> str:
    """Return the label of an hour, or of a month as 26-03."""
    label = str(value)
    return label[2:] if len(label) == 7 and label[4] == "-" else label


def _trend_lines(document: dict[str, Any], words: Words) -> Iterator[str]:
    """Return what the control charts found, class by class, with their rule."""
    trends = document["trends"]
    for each in trends:
        last = each["changes"][-1:]
        yield words(
            "how_trend",
            cls=words(each["class"]),
            unit=words(f"unit_{each['unit']}"),
            points=len(each["points"]),
            n=sum(point["decided"] for point in each["points"]),
            found=words("trend_changed", since=last[0]["since"]) if last else words("trend_steady"),
        )
    if trends:
        rules = trends[0]["rules"]
        yield words("trend_rule", sigmas=rules["limits_sigma"], run=rules["run"])
    if len(trends) < len(document["outcomes_by_class"]):
        yield words("how_no_trend")


def _how(document: dict[str, Any], words: Words) -> Iterator[str]:
    cases, clock = document["cases"], document["clock"]
    lines = [
        words("how_events", words(f"event_{clock['start_event']}"), words(f"event_{clock['stop_event']}")),
        words(
            "how_counted",
            all=cases["all"],
            counted=cases["counted"],
            left=why.left_out_words(cases["left_out"], words),
        ),
        *(
            [words("how_not_recorded", names=", ".join(clock["exclusions_not_recorded"]))]
            if clock["exclusions_not_recorded"]
            else []
        ),
        words("how_intervals"),
        *([words("how_open")] if assessment.has_targets(document["outcomes_by_class"]) else []),
        *_trend_lines(document, words),
    ]
    yield head(words("how"), clock["id"]) + "".join(f"<p>{text(each)}</p>" for each in lines)
