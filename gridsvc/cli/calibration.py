"""`gridsvc roads calibrate`: travel times by what teams recorded, judged before they are put in force."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from gridsvc.cli.answers import answer, district_option, json_option, opened_service, progress, table
from gridsvc.cli.service_areas import areas
from gridsvc.errors import InvalidInput

ACTOR = "command line"

_OUTCOMES = {
    "fitted": "Better than the network alone on the latest trips.",
    "range-only": "Factors are no better than the network alone: its times stay, with a range of recorded trips.",
    "too-few": "Too few trips: nothing is fitted.",
    "worse": "REFUSED: worse than the network alone on the latest trips. What was in force stays.",
    "range-too-narrow": "REFUSED: the 90 % range held less than 80 % of the latest trips. What was in force stays.",
}


@click.group()
def roads() -> None:
    """Roads in force: calibrate them by recorded trips, write the service areas of teams."""


roads.add_command(areas)


@roads.command()
@click.option("--since", metavar="TIME", help="Trips of cases sent from then on: RFC 3339, with offset.")
@click.option("--until", metavar="TIME", help="Trips of cases sent before then.")
@click.option("--dry-run", is_flag=True, help="Fit and judge, put nothing in force.")
@click.option("--withdraw", is_flag=True, help="Take the calibration in force out of force instead.")
@district_option
@json_option
def calibrate(
    *, since: str | None, until: str | None, dry_run: bool, withdraw: bool, district: str | None, as_json: bool
) -> None:
    """Fit travel times to recorded trips (en route to on scene); keep the network's own where that is no better."""
    from gridsvc.operations.roads import calibration

    if withdraw:
        if since or until or dry_run:
            raise click.UsageError("--withdraw takes no other option.")
        gone = calibration.withdraw(opened_service(), district, actor=ACTOR)
        words = f"Calibration {gone['before'][:12]} of district {gone['district']} is no longer in force."
        answer(gone, as_json=as_json, show=lambda: click.echo(words))
        return
    told = calibration.calibrate(
        opened_service(), district, actor=ACTOR, since=_moment(since, "--since"), until=_moment(until, "--until"),
        dry_run=dry_run, progress=progress("trips"),
    )  # fmt: skip
    answer(told, as_json=as_json, show=lambda: show_calibration(told))


@roads.command()
@district_option
@json_option
def show(*, district: str | None, as_json: bool) -> None:
    """Show the calibration in force: factors, ranges, and what it was worth on trips that it had not seen."""
    from gridsvc.operations.roads import calibration

    told = calibration.get_calibration(opened_service(), district)

    def tell() -> None:
        evidence = told["evidence"]
        span = f"{evidence['since'][:10]} to {evidence['until'][:10]}"
        words = f"{told['version'][:12]}, by {told['level']}, {evidence['trips']} trips from {span}"
        click.secho(f"District {told['district']}: {words}", bold=True)
        _show_factors(told)
        table(["predicted from_s", "trips", "p05", "p50", "p90", "p95"],
              [tuple(band[key] for key in ("from_s", "trips", "p05", "p50", "p90", "p95")) for band in told["lengths"]],
              title="Recorded over predicted")  # fmt: skip
        _show_evidence(evidence)

    answer(told, as_json=as_json, show=tell)


def _moment(value: str | None, option: str) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInput(f"{option} is {value!r}; give a time with its offset, such as 2026-03-01T00:00:00+08:00.")
    return moment


def show_calibration(told: dict[str, Any]) -> None:
    """Print for a person: what was read, what it was worth, what came of it."""
    from gridsvc.roads.calibration.fit import LEAST_COVERAGE

    click.secho(
        f"District {told['district']}: {told['recorded']} recorded trips, {told['trips']} fit for fitting", bold=True
    )
    if told["starts"]:
        click.echo("Started from: " + ", ".join(f"{where} {n}" for where, n in told["starts"].items()))
    if told["left_out"]:
        from gridsvc.operations.roads.calibration import LEFT_OUT

        table(["left out", "n"], [(LEFT_OUT[why], n) for why, n in told["left_out"].items()])
    _show_evidence(told)
    _show_factors(told)
    for each in told["fallbacks"]:
        why = {"too-few": "too few trips", "no-better": "no better on trips left out"}[each["why"]]
        click.echo(f"No factors for {each['what']} ({why}): {each['instead']}")
    since, alone = told["before_since"], told["uncalibrated_since"]
    if since is not None:
        bad = since["mae_s"] >= alone["mae_s"] or since["coverage"] < LEAST_COVERAGE
        click.secho(f"{told['before'][:12]} on the {since['trips']} trips after its own: absolute error "
                    f"{since['mae_s']} s (network alone {alone['mae_s']} s), {since['coverage']:.1%} in its 90 % range"
                    + ("; it no longer holds" if bad else ""), fg="yellow" if bad else None)  # fmt: skip
    click.secho(_OUTCOMES[told["outcome"]], fg="green" if told["calibration"] else "yellow")
    if told["in_force"]:
        click.echo(f"In force: {told['calibration'][:12]}, by {told['level']}")
    elif told["before"] is not None:
        click.echo(f"Still in force: {told['before'][:12]} (`gridsvc roads calibrate --withdraw` ends that)")


def _show_evidence(told: dict[str, Any]) -> None:
    """Print what the fit was worth on the trips that it had not seen."""
    if told["calibrated"] is None:
        return
    rows = [(name, told[name]) for name in ("uncalibrated", "calibrated")]
    title = f"The latest {told['calibrated']['trips']} trips, which nothing was fitted to"
    table(["travel time", "absolute error_s", "lateness_s", "within p50", "within p90", "in 90 % range", "range_s"],
          [(name, s["mae_s"], s["mean_error_s"], f"{s['within_p50']:.1%}", f"{s['within_p90']:.1%}",
            f"{s['coverage']:.1%}", s["width_s"]) for name, s in rows], title=title)  # fmt: skip
    click.echo("The uncalibrated range is the network's time times the ratios of earlier trips.")
    for each in told["worse_at"]:
        click.secho(f"Worse than the network alone: {each['response_class']} {each['time']}, {each['trips']} trips, "
                    f"{each['mae_s']} s against {each['uncalibrated_mae_s']} s", fg="yellow")  # fmt: skip


def _show_factors(told: dict[str, Any]) -> None:
    if told["factors"] is None or told["level"] == "uncalibrated":
        return
    click.echo(f"Start {told['start_s']} s; factors: "
               + ", ".join(f"{group} {factor:.2f}" for group, factor in told["factors"].items()))  # fmt: skip
    for name, row in told["hours"].items():
        if any(factor is not None for factor in row):
            click.echo(f"Hours 0 to 23, {name}: " + " ".join("-" if f is None else f"{f:.2f}" for f in row))
