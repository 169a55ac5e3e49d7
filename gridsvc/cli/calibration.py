"""`gridsvc roads calibrate`: travel times fitted to recorded trips, and tested before they come into force."""

from __future__ import annotations

from typing import Any

import click

from gridsvc.cli.answers import ACTOR, answer, district_option, json_option, opened_service, progress, table
from gridsvc.cli.dates import read_moment
from gridsvc.cli.groups import Group
from gridsvc.cli.service_areas import areas

_OUTCOMES = {
    "fitted": "Better than the network alone on the latest trips.",
    "range-only": "Factors are no better than the network alone: its times stay, with a range of recorded trips.",
    "too-few": "Too few trips: nothing is fitted.",
    "worse": "REFUSED: worse than the network alone on the latest trips. What was in force stays.",
    "range-too-narrow": "REFUSED: the 90 % range held less than 80 % of the latest trips. What was in force stays.",
}


@click.group(cls=Group)
def roads() -> None:
    """Calibrate travel times by recorded trips; write the service areas of teams."""


roads.add_command(areas)


@roads.command()
@click.option("--since", metavar="TIME", help="Only trips of orders since then (RFC 3339, with offset).")
@click.option("--until", metavar="TIME", help="Only trips of orders before then.")
@click.option("--imported", is_flag=True,
              help="With the trips that `load incidents` brought, of teams that have the same name here.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Fit and test, but put nothing in force.")
@click.option("--withdraw", is_flag=True, help="Remove the calibration that is in force.")
@district_option
@json_option
def calibrate(
    *,
    since: str | None,
    until: str | None,
    imported: bool,
    dry_run: bool,
    withdraw: bool,
    district: str | None,
    as_json: bool,
) -> None:
    """Fit travel times to recorded trips, where that is better than the network alone."""
    from gridsvc.operations.roads import calibration

    if withdraw:
        if since or until or dry_run or imported:
            raise click.UsageError("--withdraw takes no other option.")
        gone = calibration.withdraw(opened_service(), district, actor=ACTOR)
        words = f"Calibration {gone['before'][:12]} of district {gone['district']} is no longer in force."
        answer(gone, as_json=as_json, show=lambda: click.echo(words))
        return
    since_at, until_at = read_moment(since, "--since"), read_moment(until, "--until")
    found = calibration.calibrate(
        opened_service(), district, actor=ACTOR, since=since_at, until=until_at, imported=imported,
        dry_run=dry_run, progress=progress("trips"),
    )  # fmt: skip
    answer(found, as_json=as_json, show=lambda: show_calibration(found))


@roads.command()
@district_option
@json_option
def show(*, district: str | None, as_json: bool) -> None:
    """Show the calibration in force: factors, ranges and errors."""
    from gridsvc.operations.roads import calibration

    found = calibration.get_calibration(opened_service(), district)

    def tell() -> None:
        evidence = found["evidence"]
        span = f"{evidence['since'][:10]} to {evidence['until'][:10]}"
        words = f"{found['version'][:12]}, by {found['level']}, {evidence['trips']} trips from {span}"
        click.secho(f"District {found['district']}: {words}", bold=True)
        _show_factors(found)
        columns = ("from_s", "trips", "p05", "p50", "p90", "p95")
        table(["predicted from_s", *columns[1:]], [[band[key] for key in columns] for band in found["lengths"]],
              title="Recorded over predicted")  # fmt: skip
        _show_evidence(evidence)

    answer(found, as_json=as_json, show=tell)


def show_calibration(found: dict[str, Any]) -> None:
    """Print which trips were read, the errors, and the outcome."""
    from gridsvc.roads.calibration.fit import LEAST_COVERAGE

    click.secho(
        f"District {found['district']}: {found['recorded']} recorded trips, {found['trips']} fit for fitting", bold=True
    )
    if found["recorded_imported"]:
        click.echo(f"{found['recorded_imported']} of the recorded trips are imported.")
    if found["starts"]:
        click.echo("Started from: " + ", ".join(f"{where} {n}" for where, n in found["starts"].items()))
    if found["left_out"]:
        from gridsvc.operations.roads.calibration import LEFT_OUT

        table(["left out", "n"], [(LEFT_OUT[why], n) for why, n in found["left_out"].items()])
    _show_evidence(found)
    _show_factors(found)
    for each in found["fallbacks"]:
        why = {"too-few": "too few trips", "no-better": "no better on trips left out"}[each["why"]]
        click.echo(f"No factors for {each['what']} ({why}): {each['instead']}")
    since, alone = found["before_since"], found["uncalibrated_since"]
    if since is not None:
        bad = since["mae_s"] >= alone["mae_s"] or since["coverage"] < LEAST_COVERAGE
        click.secho(f"{found['before'][:12]} on the {since['trips']} trips after its own: absolute error "
                    f"{since['mae_s']} s (network alone {alone['mae_s']} s), {since['coverage']:.1%} in its 90 % range"
                    + ("; it no longer holds" if bad else ""), fg="yellow" if bad else None)  # fmt: skip
    click.secho(_OUTCOMES[found["outcome"]], fg="green" if found["calibration"] else "yellow")
    if found["in_force"]:
        click.echo(f"In force: {found['calibration'][:12]}, by {found['level']}")
    elif found["before"] is not None:
        click.echo(f"Still in force: {found['before'][:12]} (`gridsvc roads calibrate --withdraw` ends that)")


def _show_evidence(found: dict[str, Any]) -> None:
    """Print the errors on the trips that were not used to fit."""
    if found["calibrated"] is None:
        return
    rows = [(name, found[name]) for name in ("uncalibrated", "calibrated")]
    title = f"The latest {found['calibrated']['trips']} trips, not used to fit"
    table(["travel time", "absolute error_s", "lateness_s", "within p50", "within p90", "in 90 % range", "range_s"],
          [(name, s["mae_s"], s["mean_error_s"], f"{s['within_p50']:.1%}", f"{s['within_p90']:.1%}",
            f"{s['coverage']:.1%}", s["width_s"]) for name, s in rows], title=title)  # fmt: skip
    click.echo("The uncalibrated range is the network's time times the ratios of earlier trips.")
    for each in found["worse_at"]:
        click.secho(f"Worse than the network alone: {each['response_class']} {each['time']}, {each['trips']} trips, "
                    f"{each['mae_s']} s against {each['uncalibrated_mae_s']} s", fg="yellow")  # fmt: skip


def _show_factors(found: dict[str, Any]) -> None:
    if found["factors"] is None or found["level"] == "uncalibrated":
        return
    click.echo(f"Start {found['start_s']} s; factors: "
               + ", ".join(f"{group} {factor:.2f}" for group, factor in found["factors"].items()))  # fmt: skip
    for name, row in found["hours"].items():
        if any(factor is not None for factor in row):
            click.echo(f"Hours 0 to 23, {name}: " + " ".join("-" if f is None else f"{f:.2f}" for f in row))
