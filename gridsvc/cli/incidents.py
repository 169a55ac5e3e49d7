"""`gridsvc recommend`: who would go, without making a case."""

from __future__ import annotations

from typing import Any

import click

from gridsvc.cli.answers import answer, json_option, opened_service, table
from gridsvc.dispatch import RANGE_REASONS
from gridsvc.operations.cases import report as reporting


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--type", "incident_type", required=True, help="A run card's type; GET /response-plans lists them.")
@click.option("--address", help="A known address, instead of LON LAT.")
@click.option("--datum", default="WGS-84", show_default=True)
@click.argument("lonlat", nargs=-1, type=float, metavar="LON LAT")
@json_option
def recommend(*, incident_type: str, address: str | None, datum: str, lonlat: tuple[float, ...], as_json: bool) -> None:
    """Say which lawful team would go to LON LAT (or an address), and whether it can make it."""
    if (address is None) == (len(lonlat) != 2):
        raise click.UsageError("Give either LON LAT or --address.")
    lon, lat = lonlat if address is None else (None, None)
    report = reporting.Report(type=incident_type, lon=lon, lat=lat, datum=datum, address=address)
    told = reporting.recommend(opened_service(), report)
    answer(told, as_json=as_json, show=lambda: show_recommendation(told))


def show_recommendation(told: dict[str, Any]) -> None:
    """Print for a person: whose, who goes, can they make it, what is missing, who else was considered."""
    chain = " > ".join(owner["name"] for owner in told["owners"].values() if owner) or "nobody"
    click.secho(f"{told['type_name']} ({told['type']}), {told['urgency']}", bold=True)
    click.echo(f"Whose: {chain}   [{told['ownership']['rule']}, generation {told['ownership']['generation']}]")
    rec = told["recommendation"]
    if told["target_s"] is not None:
        met = rec["meets_target"]
        words = f"{rec['lead_response_s']:.0f} s" if rec["lead_response_s"] is not None else "nobody"
        click.echo(f"Target: {told['target_s']} s ({told['response_class']}), lead on the scene after: ", nl=False)
        click.secho(f"{words} {'in time' if met else 'LATE'}", fg="green" if met else "red", bold=True)
    rows = [] if rec["lead"] is None else [("lead", rec["lead"])]
    rows += [(member.get("slot", "member"), member) for member in rec["members"]]
    if rows:
        table(["slot", "team", "unit", "travel_s", "response_s"],
              [(slot, t["team_id"], t["unit"], t["travel_s"], t["response_s"]) for slot, t in rows])  # fmt: skip
    if rec["lead"] is not None:
        click.echo(_range_words(rec["lead"]))
    for missing in rec["unfilled"]:
        instead = missing.get("substitute")
        hint = f"; nearest lawful substitute {instead['team_id']} ({instead['unit']})" if instead else ""
        click.secho(f"Unfilled: {missing['slot']}: {missing['reason']}{hint}", fg="yellow")
    nearest = sorted((c for c in rec["considered"] if c["travel_s"] is not None), key=lambda c: c["travel_s"])
    click.echo(f"Considered: {len(rec['considered'])} teams; the nearest:")
    table(["team", "travel_s", "verdict"], [(c["team_id"], c["travel_s"], c["verdict"]) for c in nearest[:8]])


def _range_words(lead: dict[str, Any]) -> str:
    """Say the lead's response as a range, or why there is none."""
    told = lead["range"]
    if told is None:
        return f"Range: none; {RANGE_REASONS[lead['range_reason']]}."
    by = f"by {told['basis']}, {told['calibration'][:12]}"
    return (
        f"Range: half by {told['p50_s']:.0f} s, nine in ten by {told['p90_s']:.0f} s; "
        f"90 % between {told['p05_s']:.0f} and {told['p95_s']:.0f} s [{by}]"
    )
