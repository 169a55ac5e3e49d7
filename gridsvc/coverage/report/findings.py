"""The conclusions of the report of a plan: sentences with their n, interval and bound, the most important first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.pages.html import interval, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.pages.words import Words


def proof(document: dict[str, Any], words: Words) -> str:
    """Return how far the plan is proved; of a what-if, what as many posts could reach."""
    if document["scenario"]["model"] == "what-if":
        return words("what_if_best", bound=percent(bound_share(document)))
    return words("proved") if document["optimal"] else words("not_proved", gap=f"{document['gap'] * 100:.2f}%")


def bound_share(document: dict[str, Any]) -> float:
    """Return the bound of a what-if as a share of the demand."""
    whole = document["covered"]["all"]["after"]["demand"]
    return float(document["bound"] / whole) if whole else 0.0


def points(share: float | None) -> str:
    """Return a difference of shares as points with one digit."""
    return "—" if share is None else f"{share * 100:+.1f}"


def findings(document: dict[str, Any], words: Words) -> list[str]:
    """Return sentences, the most important first."""
    return [
        *_posts(document, words),
        *_change(document, words),
        *_people(document, words),
        *_rules(document, words),
        *_best(document, words),
        *_outside(document, words),
    ]


def _posts(document: dict[str, Any], words: Words) -> Iterator[str]:
    kept = sum(each["exists"] for each in document["sites"])
    n, moved, closed = (len(document[name]) for name in ("sites", "moved", "closed"))
    yield words("find_posts", n=n, kept=kept, new=n - kept - moved, moved=moved, closed=closed)


def _change(document: dict[str, Any], words: Words) -> Iterator[str]:
    both = document["covered"]["all"]
    before, after, change = both["before"], both["after"], both["change"]
    if change["low"] is None:
        verdict = words("verdict_count", change=points(change["share"]))
    else:
        name = "better" if change["low"] > 0 else "worse" if change["high"] < 0 else "unclear"
        verdict = words(
            f"verdict_{name}",
            change=points(change["share"]),
            low=points(change["low"]),
            high=points(change["high"]),
        )
    yield words(
        "find_change",
        before=percent(before["share"]),
        before_interval=interval(before["low"], before["high"]),
        after=percent(after["share"]),
        after_interval=interval(after["low"], after["high"]),
        n=f"{after['demand']:g}",
        verdict=verdict,
    )


def _people(document: dict[str, Any], words: Words) -> Iterator[str]:
    if document["people"] is None:
        return
    both = document["people"]["all"]
    yield words(
        "find_people",
        before=f"{both['before']['covered']:,.0f}",
        after=f"{both['after']['covered']:,.0f}",
        n=f"{both['after']['demand']:,.0f}",
        gained=f"{both['change']['gained']:,.0f}",
        lost=f"{both['change']['lost']:,.0f}",
    )


def _rules(document: dict[str, Any], words: Words) -> Iterator[str]:
    for each in document["rules"]:
        if not each["holds"]:
            codes = [document["names"].get(code, code) for code in each["broken"]]
            where = "、".join(codes[:8]) + (f" … ({len(codes)})" if len(codes) > 8 else "")
            yield words("find_rule", rule=words(f"rule_{each['rule']}"), where=where or "—")


def _best(document: dict[str, Any], words: Words) -> Iterator[str]:
    own = document["curve"]["plan"]
    for each in document["curve"]["points"]:
        if each["p"] == own["p"]:
            yield words(
                "find_best",
                p=own["p"],
                bound=percent(each["bound_share"]),
                gap=f"{max(0.0, each['bound_share'] - own['share']) * 100:.1f}",
            )


def _outside(document: dict[str, Any], words: Words) -> Iterator[str]:
    share, reachable = document["covered"]["all"]["after"], document["curve"]["reachable"]
    yield words(
        "find_outside",
        outside=f"{share['demand'] - share['covered']:g}",
        never=f"{reachable['demand'] - reachable['covered']:g}",
    )
    if lost := sum(each["demand_lost"] > each["demand_gained"] for each in document["grids"]):
        yield words("find_lost", grids=lost)
