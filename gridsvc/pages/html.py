"""The parts of a page: escaped text, tables, figures, and how shares and seconds are written."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from gridsvc.pages.charts import Bar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_TO = "\u2060–\u2060"
"""A dash at which no line breaks."""

STYLE = """
@page { size: A4; margin: 14mm 14mm 16mm;
  @bottom-right { content: counter(page) " / " counter(pages); font-size: 8pt; color: #5d6b78; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 182mm; padding: 10mm 0; color: #1b2733; background: #fff;
  font: 10.5pt/1.5 "Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", "Segoe UI", sans-serif; }
h1 { font-size: 19pt; margin: 0 0 2mm; } h2 { font-size: 13.5pt; margin: 8mm 0 2mm; border-bottom: 1.5px solid #1f5a96;
  padding-bottom: 1mm; break-after: avoid; display: flow-root; }
h3 { font-size: 11pt; margin: 5mm 0 1mm; break-after: avoid; }
p { margin: 1mm 0 2mm; } .note { color: #46535f; font-size: 9pt; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 0.5mm 4mm; font-size: 9.5pt; margin: 0 0 3mm; }
.facts dt { color: #46535f; } .facts dd { margin: 0; overflow-wrap: anywhere; }
.warn { border: 1.5px solid #b3261e; color: #8c1d18; padding: 1.5mm 3mm; font-weight: 600; }
.found { border: 1.5px solid #1f5a96; background: #f3f7fb; padding: 2mm 4mm 2mm; break-inside: avoid; }
.found ol { margin: 1mm 0; padding-left: 6mm; } .found li { margin: 1mm 0; }
table { border-collapse: collapse; width: 100%; font-size: 9pt; margin: 1mm 0 3mm; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid #d5dbe1; padding: 0.9mm 1.6mm; text-align: right; vertical-align: top; }
th, td { word-break: keep-all; }
th { font-weight: 600; background: #eef3f8; border-bottom: 1.5px solid #8fa3b5; } tr { break-inside: avoid; }
thead { display: table-header-group; }
th:first-child, td:first-child { text-align: left; min-width: 28mm; }
td:first-child { overflow-wrap: anywhere; word-break: normal; }
h2 + .note, h3 + .note { break-after: avoid; } .wide + .note { break-before: avoid; }
h2 small, .found small { float: right; color: #5d6b78; font-weight: 400; font-size: 8.5pt; }
h2 small { margin-top: 1.8mm; }
figure { margin: 3mm 0 4mm; break-inside: avoid; } figcaption { font-weight: 600; font-size: 10pt; margin-bottom: 1mm; }
svg { width: 100%; height: auto; display: block; font-family: inherit; } .half svg { width: 72%; }
@media (max-width: 190mm) { body { padding: 4mm; max-width: none; } .wide { overflow-x: auto; } }
@media print { body { padding: 0; max-width: none; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


def text(value: object) -> str:
    """Return a value as text of a page."""
    return escape(str(value))


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; its first column is of names."""
    head = "".join(f"<th>{text(each)}</th>" for each in heads)
    body = "".join("<tr>" + "".join(f"<td>{text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def head(words: str, policy: str) -> str:
    """Return the head of a section, with the clock policy that its figures are by."""
    return f"<h2>{text(words)}<small>{text(policy)}</small></h2>"


def figure(caption: str, drawing: str, note: str = "", *, half: bool = False) -> str:
    """Return a chart with its caption above and what it counts below."""
    below = f'<p class="note">{text(note)}</p>' if note else ""
    name = ' class="half"' if half else ""
    return f"<figure{name}><figcaption>{text(caption)}</figcaption>{drawing}{below}</figure>"


def percent(value: float | None) -> str:
    """Return a share as a percentage with one digit; — for none."""
    return "—" if value is None else f"{value * 100:.1f}%"


def points(value: float | None) -> str:
    """Return a difference of shares in percentage points with its sign; — for none."""
    return "—" if value is None else f"{value * 100:+.1f}".replace("-", "\u2212")


def interval(low: float | None, high: float | None) -> str:
    """Return an interval of shares."""
    return "—" if low is None or high is None else f"{percent(low)}{_TO}{percent(high)}"


def minutes(seconds: float | None) -> str:
    """Return seconds as minutes and seconds, 5:07; — for none."""
    if seconds is None:
        return "—"
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def between(low: float | None, high: float | None) -> str:
    """Return an interval of seconds; an end that the sample cannot bound is left out."""
    if low is None:
        return "—" if high is None else f"≤{minutes(high)}"
    return f"≥{minutes(low)}" if high is None else f"{minutes(low)}{_TO}{minutes(high)}"


def proportion(value: Mapping[str, Any]) -> str:
    """Return a count, its share and its interval."""
    if not value["n"]:
        return "0/0"
    return f"{value['count']}/{value['n']} ({percent(value['share'])}, {interval(value['low'], value['high'])})"


def percentile(row: Mapping[str, Any], too_few: str) -> str:
    """Return the percentile of an outcome with its interval and n; reports of the first format have no n of it."""
    n = row.get("percentile_n", row["met"] + row["late"])
    if row["percentile_s"] is None:
        return f"{too_few} (n={n})"
    return f"{minutes(row['percentile_s'])} ({between(row['percentile_low_s'], row['percentile_high_s'])}), n={n}"


def bar_of(label: str, row: Mapping[str, Any], whole: float | None = None, *, least: int = 0) -> Bar:
    """Return the bar of an outcome: its share in time; marked where its interval leaves out the whole's share."""
    n = row["met"] + row["late"]
    low, high = row["met_share_low"], row["met_share_high"]
    marked = whole is not None and low is not None and n >= least and not low <= whole <= high
    return Bar(label, row["met_share"] if n else None, low, high, n, marked)
