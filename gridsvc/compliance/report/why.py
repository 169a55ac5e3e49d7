"""Why responses were late, whether predictions were honest, and what would have been better in hindsight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.pages.charts import Bar, bars, reliability
from gridsvc.pages.html import between, figure, head, interval, minutes, percent, proportion, table, text
from gridsvc.pages.words import letter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.pages.words import Words


def sections(document: dict[str, Any], words: Words) -> Iterator[str]:
    """Return the causes of late cases and what would have met the target."""
    yield head(words("causes"), words("as_reported"))
    causes = document["causes"]
    if causes is None or not causes["all"]["late"]:
        yield f"<p>{text(words('causes_file' if causes is None else 'causes_none'))}</p>"
        return
    yield f"<p class='note'>{text(words('causes_note'))}</p>"
    by_class = causes["by_class"]
    for number, (kind, lateness) in enumerate(by_class.items()):
        yield from _causes(kind, lateness, letter(number, len(by_class)), words)
    yield f"<h3>{text(words('remedies'))}</h3><p class='note'>{text(words('remedies_note'))}</p>"
    for kind, lateness in by_class.items():
        yield table(
            [f"{words('remedy')} · {words(kind)}", words("remedy_met")],
            [(words(f"remedy_{each['kind']}"), proportion(each["met"])) for each in lateness["remedies"]],
        )


def _causes(kind: str, lateness: dict[str, Any], part: str, words: Words) -> Iterator[str]:
    """Return the chart and the table of the causes of one class, those with most cases first."""
    title = f"{words('figure_causes', part)} · {words(kind)}"
    ordered = sorted(lateness["causes"], key=lambda each: -int(each["main"]["count"]))
    rows = [(words(f"cause_{each['cause']}"), each) for each in ordered if each["touched"]]
    drawn = [
        Bar(name, main["share"], main["low"], main["high"], main["n"], count=main["count"])
        for name, main in ((name, each["main"]) for name, each in rows)
    ]
    yield figure(title, bars(title, drawn, too_few=words("too_few")), words("figure_causes_note"))
    yield table(
        [words(each) for each in ("cause", "main_cases", "seconds", "touched")],
        [
            (
                name,
                proportion(each["main"]),
                _seconds(each),
                each["touched"],
            )
            for name, each in rows
        ],
    )
    note = words("causes_of", late=lateness["late"], uncertain=lateness["uncertain"])
    yield f"<p class='note'>{text(note)}</p>"


def _seconds(row: dict[str, Any]) -> str:
    if row["seconds_share"] is None:
        return f"{row['overrun_s'] / 3600:.1f} h"
    ends = interval(row.get("seconds_low"), row.get("seconds_high"))
    return f"{row['overrun_s'] / 3600:.1f} h ({percent(row['seconds_share'])}, {ends})"


def predictions(document: dict[str, Any], words: Words) -> Iterator[str]:
    """Return how honest predictions were, and the dispatches that would have been better."""
    yield head(words("predictions"), words("response_lead"))
    honest = document["predictions"]
    if honest is None:
        yield f"<p>{text(words('predictions_file'))}</p>"
        return
    left = left_out_words(honest["left_out"], words)
    yield f"<p class='note'>{text(words('predictions_note', left=left))}</p>"
    ranged = any(each["range_90"]["n"] for each in honest["classes"])
    heads = ["class", "n_cases", "ratio", "pred_in_time", "pred_late"]
    heads += ["pred_p50", "pred_p90", "pred_range"] if ranged else []
    rows = [_coverage(each, words, ranged=ranged) for each in honest["classes"]]
    yield table([words(each) for each in heads], rows)
    yield f"<p class='note'>{text(words('predictions_range' if ranged else 'no_range'))}</p>"
    points = [
        (words(each["class"]), each["nominal"], Bar("", each["share"], each["low"], each["high"], each["n"]))
        for each in honest["reliability"]
        if each["n"]
    ]
    if points:
        title = words("figure_reliability")
        drawing = reliability(title, points, words("said"), words("happened"))
        yield figure(title, drawing, words("figure_reliability_note"), half=True)
    yield f"<h3>{text(words('hindsight'))}</h3><p class='note'>{text(words('hindsight_note'))}</p>"
    yield table(
        [words(each) for each in ("better", "better_earlier", "better_in_time", "better_gained")],
        [
            (
                words(f"better_{each['kind']}"),
                proportion(each["earlier"]),
                proportion(each["in_time"]),
                _gained(each, words),
            )
            for each in document["hindsight"]
        ],
    )


def left_out_words(counts: dict[str, int], words: Words) -> str:
    """Return why cases are left out, with their numbers."""
    return words("semicolon").join(f"{words(f'left_{name}')} {n}" for name, n in sorted(counts.items()) if n) or "0"


def _gained(row: dict[str, Any], words: Words) -> str:
    n = row["earlier"]["count"]
    if row["gained_s"] is None:
        return f"{words('too_few')} (n={n})"
    return f"{minutes(row['gained_s'])} ({between(row['gained_low_s'], row['gained_high_s'])}), n={n}"


def _coverage(row: dict[str, Any], words: Words, *, ranged: bool) -> list[object]:
    within = [row[name] for name in ("p50", "p90", "range_90")] if ranged else []
    return [
        words(row["class"]),
        row["n"],
        _ratio(row),
        proportion(row["predicted_in_time"]),
        proportion(row["predicted_late"]),
        *(proportion(each) if each["n"] else "—" for each in within),
    ]


def _ratio(row: dict[str, Any]) -> str:
    if row["ratio"] is None:
        return "—"
    low, high = row["ratio_low"], row["ratio_high"]
    return f"{row['ratio']:.2f}" + ("" if low is None or high is None else f" ({low:.2f}\u2060–\u2060{high:.2f})")
