"""Why responses were late, whether predictions were honest, and what would have been better in hindsight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.pages.charts import Bar, bars, reliability
from gridsvc.pages.html import between, figure, head, minutes, percent, proportion, table, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.compliance.report.words import Words


def sections(document: dict[str, Any], words: Words) -> Iterator[str]:
    """Return the causes of late cases and what would have met the target."""
    yield head(words("causes"), words("as_reported"))
    causes = document["causes"]
    if causes is None or not causes["all"]["late"]:
        yield f"<p>{text(words('causes_file' if causes is None else 'causes_none'))}</p>"
        return
    late = causes["all"]
    note = words("causes_note", late=late["late"], uncertain=late["uncertain"])
    yield f"<p class='note'>{text(note)}</p>"
    rows = [(words(f"cause_{each['cause']}"), each) for each in late["causes"]]
    drawn = [
        Bar(name, each["main"]["share"], each["main"]["low"], each["main"]["high"], each["main"]["count"])
        for name, each in rows
    ]
    yield figure(words("figure_causes"), bars(words("figure_causes"), drawn, too_few=words("too_few")))
    yield table(
        [words(each) for each in ("cause", "main_cases", "seconds", "touched")],
        [
            (
                name,
                proportion(each["main"]),
                f"{each['overrun_s'] / 3600:.1f} h ({percent(each['seconds_share'])})",
                each["touched"],
            )
            for name, each in rows
        ],
    )
    for kind, of_kind in causes["by_class"].items():
        counted = [each for each in of_kind["causes"] if each["main"]["count"]]
        yield f"<h3>{text(words('cause'))} · {text(words(kind))}</h3>"
        yield table(
            [words("cause"), words("main_cases")],
            [(words(f"cause_{each['cause']}"), proportion(each["main"])) for each in counted],
        )
    yield f"<h3>{text(words('remedies'))}</h3><p class='note'>{text(words('remedies_note'))}</p>"
    yield table(
        [words("remedy"), words("remedy_met")],
        [(words(f"remedy_{each['kind']}"), proportion(each["met"])) for each in late["remedies"]],
    )


def predictions(document: dict[str, Any], words: Words) -> Iterator[str]:
    """Return how honest predictions were, and the dispatches that would have been better."""
    yield head(words("predictions"), words("response_lead"))
    honest = document["predictions"]
    if honest is None:
        yield f"<p>{text(words('predictions_file'))}</p>"
        return
    left = "；".join(f"{words(f'left_{name}')} {count}" for name, count in honest["left_out"].items()) or "0"
    yield f"<p class='note'>{text(words('predictions_note', left=left))}</p>"
    heads = ("class", "n_cases", "ratio", "pred_in_time", "pred_late", "pred_p50", "pred_p90", "pred_range")
    yield table([words(each) for each in heads], [_coverage(each, words) for each in honest["classes"]])
    points = [
        (words(each["class"]), each["nominal"], Bar("", each["share"], each["low"], each["high"], each["n"]))
        for each in honest["reliability"]
        if each["n"]
    ]
    if points:
        title = words("figure_reliability")
        yield figure(title, reliability(title, points, words("said"), words("happened")), half=True)
    yield f"<h3>{text(words('hindsight'))}</h3><p class='note'>{text(words('hindsight_note'))}</p>"
    yield table(
        [words(each) for each in ("better", "better_earlier", "better_in_time", "better_gained")],
        [
            (
                words(f"better_{each['kind']}"),
                proportion(each["earlier"]),
                proportion(each["in_time"]),
                "—"
                if each["gained_s"] is None
                else f"{minutes(each['gained_s'])} ({between(each['gained_low_s'], each['gained_high_s'])})",
            )
            for each in document["hindsight"]
        ],
    )


def _coverage(row: dict[str, Any], words: Words) -> tuple[object, ...]:
    ranged = row["range_90"]["n"] > 0
    none = words("no_range")
    return (
        words(row["class"]),
        row["n"],
        _ratio(row),
        proportion(row["predicted_in_time"]),
        proportion(row["predicted_late"]),
        proportion(row["p50"]) if ranged else none,
        proportion(row["p90"]) if ranged else none,
        proportion(row["range_90"]) if ranged else none,
    )


def _ratio(row: dict[str, Any]) -> str:
    if row["ratio"] is None:
        return "—"
    low, high = row["ratio_low"], row["ratio_high"]
    return f"{row['ratio']:.2f}" + ("" if low is None or high is None else f" ({low:.2f}\u2060–\u2060{high:.2f})")
