"""Figures of compliance as a person reads them on a terminal."""

from __future__ import annotations

from typing import Any

import click

from gridsvc.cli.answers import printable, say, table


def show_answer(found: dict[str, Any]) -> None:
    """Print an answer of `compliance` for a person."""
    clock, cases = found["clock"], found["cases"]
    period = f"{_day(found['since'], 'the first case')} to {_day(found['until'], 'now')}"
    click.secho(f"{cases['counted']} emergencies, {period}, policy {clock['id']} ({clock['version'][:8]})", bold=True)
    click.echo(f"The clock: {clock['start_event']} to {clock['stop_event']}, {clock['percentile']:g} % in time asked.")
    if cases["synthetic"]:
        click.secho("These cases are made up: the data of the demo.", fg="yellow")
    for reason, count in cases["left_out"].items():
        if count:
            click.echo(f"Left out: {count} {reason}.")
    for reason in clock["exclusions_not_recorded"]:
        click.echo(f"The policy leaves out {reason} too, which no case says of itself: these count.")
    if "file" in found:
        _show_file(found["file"])
    for each in found.get("imports", ()):
        words = f"Imported: {each['cases']} cases of {each['name']} by the map {each['map']} ({each['digest'][:12]})."
        click.secho(printable(words), fg="cyan")
    _show_outcomes(found["outcomes"], found["names"], "In time")
    if "outcomes_by_class" in found:
        _show_outcomes(found["outcomes_by_class"], found["names"], "In time, by class")
    _show_rows(found["rows"], found["names"], "Intervals")
    if "rows_by_class" in found:
        _show_rows(found["rows_by_class"], found["names"], "Intervals, by class")
    _show_second(found)


def _show_second(found: dict[str, Any]) -> None:
    """Print the trend, the second policy and the second period, where they were asked for."""
    for each in found.get("trend_by_class", [found["trend"]] if found["trend"] is not None else []):
        _show_trend(each)
    if "against" in found:
        other = found["against"]
        _show_outcomes(other["outcomes"], found["names"], f"In time, under {other['policy']}")
        for each in other["changes"]:
            if each["under_policy"] != each["under_other"]:
                click.echo(f"{each['cases']} cases: {each['under_policy']} becomes {each['under_other']}.")
    if "compared" in found:
        _show_compared(found["compared"], found["names"])


def _day(at: str | None, otherwise: str) -> str:
    return otherwise if at is None else at[:10]


def _show_file(about: dict[str, Any]) -> None:
    click.echo(f"{about['name']}: {about['rows']} rows by the map {about['map']}, {about['repeated_rows']} repeated.")
    for each in about["skipped"]:
        say(f"{each['count']} rows: {each['reason']}, first {each['example']!r}.")
    if about["in_an_hour_twice"]:
        say(f"{about['in_an_hour_twice']} rows have a time in an hour that comes twice.")
    if about["in_an_hour_never"]:
        say(f"{about['in_an_hour_never']} rows have a time in an hour that does not come.")


_NOBODY = {"unit": "no team", "team": "no team", "lead": "no team"} | dict.fromkeys(
    ("regional", "township", "area", "village"), "in none"
)


def _group(group: dict[str, Any], names: dict[str, dict[str, str]]) -> list[str]:
    """Return the values of a group as a person calls them."""
    return [
        _NOBODY.get(key, "none") if value is None else names.get(key, {}).get(str(value), str(value))
        for key, value in group.items()
    ]


def _by_name(rows: list[dict[str, Any]], names: dict[str, dict[str, str]]) -> list[dict[str, Any]]:
    """Return rows in the order of what a person reads: of names, not of ids; what has no name is last.

    Numbers and times stay in their order: hours, months, days of the week.
    """

    def place(row: dict[str, Any]) -> list[tuple[bool, str]]:
        group = row["group"]
        return [
            (group[key] is None, words) if key in names else (False, "")
            for key, words in zip(group, _group(group, names), strict=True)
        ]

    return sorted(rows, key=place)


def _show_outcomes(rows: list[dict[str, Any]], names: dict[str, dict[str, str]], title: str) -> None:
    if not rows:
        return
    keys = list(rows[0]["group"])
    table(
        [*keys, "cases", "met", "late", "missing", "open", "in time", "95 % interval", "missing late to met", "reached",
         "place"],
        [
            (*_group(each["group"], names), each["cases"], each["met"], each["late"], each["missing"], each["open"],
             percent(each["met_share"]), span(each["met_share_low"], each["met_share_high"]),
             span(each["met_share_if_missing_late"], each["met_share_if_missing_met"]),
             {True: "yes", False: "no", None: "not certain"}[each["reached"]] if each["met_share"] is not None else "",
             "" if each["rank_from"] is None else f"{each['rank_from']} to {each['rank_to']}")
            for each in _by_name(rows, names)
        ],
        title=title,
    )  # fmt: skip


def _show_rows(rows: list[dict[str, Any]], names: dict[str, dict[str, str]], title: str) -> None:
    if not rows:
        return
    keys = list(rows[0]["group"])
    table(
        [*keys, "interval", "n", "missing", "impossible", "open", "doubtful", "mean_s", "p50_s", "p90_s",
         "95 % of P90", "in time"],
        [
            (*_group(each["group"], names), each["interval"], each["n"], each["missing"], each["impossible"],
             each["censored"], each["doubtful"], seconds(each["mean_s"]), seconds(each["p50_s"]),
             seconds(each["p90_s"]) or "too few", seconds_span(each["p90_low_s"], each["p90_high_s"]),
             f"{each['within_target']} of {each['with_target']}" if "within_target" in each else "")
            for each in _by_name(rows, names)
        ],
        title=title,
    )  # fmt: skip


def _show_trend(trend: dict[str, Any]) -> None:
    rules = trend["rules"]
    words = f"beyond {rules['limits_sigma']} sigma, or {rules['run']} in a row on one side of the line"
    of_class = f", {trend['class']}" if "class" in trend else ""
    click.secho(f"Trend by {trend['unit']}{of_class} ({len(trend['points'])} points; {words})", bold=True)
    for each in trend["points"]:
        if each["signal"] is not None:
            limit = each[each["signal"]]
            click.echo(f"{each['period']}: {each['met']} of {each['decided']} in time, beyond {percent(limit)}.")
    for each in trend["changes"]:
        change = span(each["difference_low"], each["difference_high"])
        before = f"{percent(each['before'])} of {each['decided_before']}"
        after = f"{percent(each['after'])} of {each['decided']}"
        click.echo(f"Changed since {each['since']}: {before} to {after} (difference {change}).")
    if not trend["changes"]:
        click.echo("No change of the level.")


def _show_compared(compared: dict[str, Any], names: dict[str, dict[str, str]]) -> None:
    rows = compared["outcomes"]
    keys = list(rows[0]["group"]) if rows else []
    period = f"{_day(compared['since'], 'the first case')} to {_day(compared['until'], 'now')}"
    table(
        [*keys, "decided before", "decided", "before", "now", "difference", "95 % interval", "changed"],
        [
            (*_group(each["group"], names), each["decided_before"], each["decided"], percent(each["met_share_before"]),
             percent(each["met_share"]), percent(each["met_share_difference"]),
             span(each["met_share_difference_low"], each["met_share_difference_high"]),
             {True: "yes", False: "not shown", None: ""}[each["met_share_changed"]])
            for each in _by_name(rows, names)
        ],
        title=f"Compared with {period}",
    )  # fmt: skip


def percent(share: float | None) -> str:
    """Return a share as a percentage; empty for none."""
    return "" if share is None else f"{share:.1%}"


def span(low: float | None, high: float | None) -> str:
    """Return an interval of shares; empty for none."""
    return "" if low is None or high is None else f"{low:.1%} to {high:.1%}"


def seconds(value: float | None) -> str:
    """Return whole seconds; empty for none."""
    return "" if value is None else f"{value:.0f}"


def seconds_span(low: float | None, high: float | None) -> str:
    """Return an interval of seconds, which may have one end; empty for none."""
    if high is None:
        return ""
    return f"up to {high:.0f}" if low is None else f"{low:.0f} to {high:.0f}"
