"""`gridsvc recommend`: which team would go, without making a case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from gridsvc.cli.answers import answer, json_option, opened_service, printable, table
from gridsvc.cli.names import Teams, find_type

if TYPE_CHECKING:
    from gridsvc.operations.runtime.service import Service


@dataclass(frozen=True, slots=True)
class Place:
    """A place as it is typed: LON LAT in a datum, or a known address."""

    lon: float | None
    lat: float | None
    datum: str
    address: str | None

    @classmethod
    def of(cls, lonlat: tuple[float, ...], datum: str, address: str | None) -> Place:
        """Read the arguments; UsageError where they do not name exactly one place."""
        if len(lonlat) not in {0, 2} or (address is None) != (len(lonlat) == 2):
            raise click.UsageError("Give either LON LAT or --address.")
        lon, lat = lonlat or (None, None)
        return cls(lon, lat, datum, address)


lonlat_argument = click.argument("lonlat", nargs=-1, type=float, metavar="LON LAT")
datum_option = click.option("--datum", default="WGS-84", show_default=True, help="WGS-84, CGCS2000, GCJ-02 or BD-09.")
type_option = click.option("--type", "incident_type", required=True, metavar="TYPE",
                           help="Type of incident: its id or name, for example gas-leak or 燃气泄漏.")  # fmt: skip
address_option = click.option("--address", metavar="TEXT", help="An address, instead of LON LAT.")


@click.command(context_settings={"ignore_unknown_options": True})  # -122.6 is a longitude
@type_option
@address_option
@datum_option
@lonlat_argument
@json_option
def recommend(*, incident_type: str, address: str | None, datum: str, lonlat: tuple[float, ...], as_json: bool) -> None:
    """Show which lawful team would go to LON LAT (or an address), and whether it arrives in time."""
    from gridsvc.cases.decide import Report
    from gridsvc.operations.cases.preview import recommend as operation

    place = Place.of(lonlat, datum, address)
    service = opened_service()
    kind = find_type(service, incident_type)
    response = operation(
        service, Report(type=kind, lon=place.lon, lat=place.lat, datum=place.datum, address=place.address)
    )
    answer(response, as_json=as_json, show=lambda: show_recommendation(service, response))


def show_recommendation(service: Service, case: dict[str, Any]) -> None:
    """Print the owners, the teams that go, the target, what is missing, and who else was considered."""
    names = Teams.read(service, case["district"]).names()
    show_heading(case)
    recommendation = case["recommendation"]
    lead = recommendation["lead"]
    if (road := case["location"].get("road")) is not None:
        level = "" if road["level"] in {None, "surface"} else f", {road['level']}"
        click.echo(f"Times are to {road['name'] or 'a road without a name'} ({road['class']}{level}), ", nl=False)
        click.echo(f"{road['offroad_m']:.0f} m from the place.")
    if case["target_s"] is not None:
        met = recommendation["meets_target"]
        arrival = "nobody" if lead is None else f"{recommendation['lead_response_s']:.0f} s"
        click.echo(f"Target: {case['target_s']} s ({case['response_class']}). Lead on the scene after: ", nl=False)
        click.secho(f"{arrival}, {'in time' if met else 'LATE'}", fg="green" if met else "red", bold=True)
    rows = [] if lead is None else [("lead", lead)]
    rows += [(member.get("slot", "member"), member) for member in recommendation["members"]]
    if rows:
        table(["slot", "team", "unit", "travel_s", "response_s", "in time"],
              [(slot, names.get(t["team_id"], t["team_id"]), t["unit"], t["travel_s"], t["response_s"],
                "late" if t["late"] else "yes")
               for slot, t in rows])  # fmt: skip
    if lead is not None:
        click.echo(_range_words(lead))
    for missing in recommendation["unfilled"]:
        substitute = missing.get("substitute")
        name = None if substitute is None else names.get(substitute["team_id"], substitute["team_id"])
        hint = "" if substitute is None else f"; nearest lawful substitute: {name} ({substitute['unit']})"
        click.secho(printable(f"Unfilled: {missing['slot']}: {missing['reason']}{hint}"), fg="yellow")
    click.echo("Considered, the nearest of those that may go by law:")
    table(["team", "travel_s", "verdict"],
          [(names.get(c["team_id"], c["team_id"]), c["travel_s"], c["verdict"])
           for c in recommendation["considered"]])  # fmt: skip
    others = ", ".join(f"{number} {verdict}" for verdict, number in recommendation["considered_counts"].items())
    click.echo(f"Others: {others or 'none'}.")


def show_heading(case: dict[str, Any]) -> None:
    """Print the type and the owner chain of a case."""
    from gridsvc.grids.levels import LEVEL_KEYS

    owners = [case["owners"][key] for key in LEVEL_KEYS]  # a stored case does not keep the order of its levels
    chain = " > ".join(owner["name"] for owner in owners if owner) or "nobody"
    click.secho(printable(f"{case['type_name']} ({case['type']}), {case['urgency']}"), bold=True)
    ownership = case["ownership"]
    click.echo(printable(f"Owners: {chain}   [{ownership['rule']}, generation {ownership['generation']}]"))
    if case.get("address") and case["address"]["confirm"]:
        from gridsvc.cli.geocode import question_in_words

        click.secho(printable(question_in_words(case["address"])), fg="yellow")


def _range_words(lead: dict[str, Any]) -> str:
    """Return the range of the lead's response time, or why there is none."""
    from gridsvc.dispatch import RANGE_REASONS

    span = lead["range"]
    if span is None:
        return f"Range: none; {RANGE_REASONS[lead['range_reason']]}."
    basis = f"by {span['basis']}, {span['calibration'][:12]}"
    return (
        f"Range: half by {span['p50_s']:.0f} s, nine in ten by {span['p90_s']:.0f} s; "
        f"90 % between {span['p05_s']:.0f} and {span['p95_s']:.0f} s [{basis}]"
    )
