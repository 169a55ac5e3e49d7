"""Finds figures of a report that stand without the cases that they are of, their interval or their clock policy."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_INTERVALS = {
    "met_share": ("met_share_low", "met_share_high"),
    "late_share": ("late_low", "late_high"),
    "share": ("low", "high"),
    "seconds_share": ("seconds_low", "seconds_high"),
    "within_target_share": ("within_target_low", "within_target_high"),
    "percentile_s": ("percentile_low_s", "percentile_high_s"),
    "p50_s": ("p50_low_s", "p50_high_s"),
    "p90_s": ("p90_low_s", "p90_high_s"),
    "p90_with_open_s": ("p90_with_open_low_s", "p90_with_open_high_s"),
    "gained_s": ("gained_low_s", "gained_high_s"),
    "ratio": ("ratio_low", "ratio_high"),
    "difference": ("difference_low", "difference_high"),
}
"""Figures and the ends of their intervals."""
_CASES = {
    "met_share": "met", "late_share": "judged", "percentile_s": "percentile_n", "within_target_share": "with_target",
    "seconds_share": "main", "gained_s": "earlier", "difference": "decided",
}  # fmt: skip
"""The count of a figure where it is not `n` (or `p90_n`)."""
_NO_FIGURES = frozenset(
    {
        # what the policy asks for, and targets
        "asked_share", "target_s", "nominal", "percentile", "confidence", "call_handling_s",
        # ends of what is not known, beside the share or the percentile
        "met_share_if_missing_late", "met_share_if_missing_met", "p90_if_unknown_late_s", "p90_if_unknown_in_time_s",
        "within_target_if_unknown_late", "within_target_if_unknown_in_time",
        # sums of seconds, like counts
        "overrun_s",
        # a point of a control chart has its limits beside it; a change of level the difference with its interval
        "centre", "low", "high", "before", "after",
    }
)  # fmt: skip
_ENDS = {end for ends in _INTERVALS.values() for end in ends}


def bare_values(document: dict[str, Any]) -> list[str]:
    """Return where a document has a figure without its n or interval, or a part without a policy."""
    found = [] if document["clock"]["id"] and document["clock"]["version"] else ["clock"]
    found += [part for part in ("causes", "predictions") if document[part] and not document[part]["policy"]]
    return found + list(_values(document, ""))


def _values(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from _values(each, f"{path}[{number}]")
    if not isinstance(value, dict):
        return
    for name, each in value.items():
        here = f"{path}.{name}"
        if name in {"geometry", "points"}:
            continue
        if isinstance(each, float) and name not in _NO_FIGURES | _ENDS:
            if name not in _INTERVALS:
                yield f"{here}: nothing is known of such a figure"
                continue
            ends = [value.get(end) for end in _INTERVALS[name]]
            if ends == [None, None]:
                yield f"{here}: no interval"
            if not _count(value, name):
                yield f"{here}: no n"
        yield from _values(each, here)


def _count(row: dict[str, Any], name: str) -> bool:
    known = row.get(_CASES.get(name, "n"), row.get("p90_n") if name == "p90_s" else None)
    return known is not None


@dataclass
class _Part:
    """A table, a chart or a sentence of a page with all its text; `policy` is that of its section."""

    kind: str
    policy: str
    heads: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    words: str = ""


class _Parts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[_Part] = []
        self.policy = ""
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        if tag in {"h2", "section"}:
            self.policy = ""
        if tag in {"table", "figure", "li"}:
            self.parts.append(_Part(tag, self.policy))
        if tag == "tr":
            self.parts[-1].rows.append([])
        if tag in {"td", "th"}:
            self.parts[-1].rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass
        if tag == "thead":
            self.parts[-1].heads = self.parts[-1].rows.pop()

    def handle_data(self, data: str) -> None:
        if "small" in self._open:
            self.policy += data
        elif {"td", "th"} & set(self._open):
            self.parts[-1].rows[-1][-1] += data
        elif {"figure", "li"} & set(self._open):
            self.parts[-1].words += f" {data}"


_SHARE = re.compile(r"\d+\.\d%")
_RANGE = re.compile(r"[\d.:%]+[\u2060]*–[\u2060]*[\d.:%]+|[≤≥]\d")
_VALUE = re.compile(r"^\d+\.\d%|^\d+:\d\d\b|^\d+/\d+ \(|^\d+\.\d+ (?!h$)")
_N = re.compile(r"\bn\s?[=<]\s?\d|\d+/\d+")


def bare_words(html: str) -> list[str]:
    """Return what a page shows without n, interval or policy."""
    parser = _Parts()
    parser.feed(html)
    found = [f"no policy: {p.kind} {p.heads or p.words[:60]}" for p in parser.parts if not p.policy.strip()]
    charts = [each for each in parser.parts if each.kind == "figure"]
    for part in (each for each in parser.parts if each.kind == "table"):
        found += _bare_rows(part)
    for number, part in enumerate(charts):
        # charts of several classes have one note, below the last of them
        title = part.words.strip()[:2]
        rest = [each for each in charts[number:] if _figure_number(each) == _figure_number(part)]
        words = " ".join(each.words for each in rest)
        if not re.search(r"95\s?%|区间|interval", words):
            found.append(f"no interval: {part.words[:60]}")
        if not _N.search(part.words) and not re.search(r"\s\d+\s+n\b", part.words):
            found.append(f"no n: {title} {part.words[:60]}")
    for part in (each for each in parser.parts if each.kind == "li" and _SHARE.search(each.words)):
        if not re.search(r"95\s?%|介于|between", part.words):
            found.append(f"no interval: {part.words[:60]}")
        if not re.search(r"\d+ of \d+|\d+/\d+|\d+ 件.*\d+ 件|n=\d+", part.words):
            found.append(f"no n: {part.words[:60]}")
    return found


def _figure_number(part: _Part) -> str:
    known = re.search(r"(?:Figure |图)(\d)", part.words)
    assert known is not None, part.words[:60]
    return known.group(1)


_CONSTANT = ("asked", "target", "要求", "时限")


def _bare_rows(part: _Part) -> Iterator[str]:
    counted = any(re.search(r"\bn\b", head) for head in part.heads)
    for row in part.rows:
        bare = ranges = 0
        for head, cell in zip(part.heads, row, strict=True):
            if head in _CONSTANT or not cell:
                continue
            if re.fullmatch(r"[\d.%]+[\u2060]*–[\u2060]*[\d.%]+", cell) and "%" in cell:
                ranges += 1
            elif _VALUE.match(cell) and not _RANGE.search(cell):
                bare += 1
        if bare > ranges:
            yield f"no interval: {row}"
        if not counted and not any(_N.search(cell) for cell in row):
            yield f"no n: {row}"
