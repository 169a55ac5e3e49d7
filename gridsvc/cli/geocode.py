"""`gridsvc geocode` and `gridsvc addresses`: the place that an address means; names learned from cases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridsvc.cli.answers import ACTOR, answer, district_option, json_option, opened_service, printable, table
from gridsvc.cli.csv_rows import show_bad_rows
from gridsvc.cli.names import actor_option, find_case

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gridsvc.operations.places.files import GeocodedFile
    from gridsvc.operations.places.found import Geocoded

QUESTIONS = {
    "which-township": "Ask the caller which township: {}?",
    "which-village": "Ask the caller which village: {}?",
    "which-place": "Ask the caller which place: {}?",
    "is-it-here": "Ask the caller whether it is {}.",
    "here-or-elsewhere": "Ask the caller whether it is {}.",
    "where": "Ask the caller for the township, the village or a landmark.",
}


@click.command()
@click.argument("text", required=False)
@click.option("--file", "source", type=click.Path(path_type=Path), metavar="IN.csv",
              help="A CSV file with the column text (or 地址); UTF-8 or GB18030.")  # fmt: skip
@click.option("--out", "target", type=click.Path(path_type=Path), metavar="OUT.csv",
              help="The same rows with lon, lat, radius_m, confidence, level, township and village added.")  # fmt: skip
@district_option
@json_option
def geocode(*, text: str | None, source: Path | None, target: Path | None, district: str | None, as_json: bool) -> None:
    """Find the place that TEXT means: candidates, the most probable first; from 0.8 one may be acted on unasked."""
    if (text is None) == (source is None):
        raise click.UsageError("Give TEXT, or --file IN.csv --out OUT.csv.")
    if (source is None) != (target is None):
        raise click.UsageError("--file and --out go together.")
    service = opened_service()
    if source is not None and target is not None:
        from gridsvc.operations.places.files import geocode_file

        _answer_file(target, geocode_file(service, source, target, district=district), as_json=as_json)
        return
    from gridsvc.operations.places.geocode import geocode_text

    assert text is not None
    found = geocode_text(service, text, district=district)
    answer(found.as_json(), as_json=as_json, show=lambda: show_candidates(found))


def _answer_file(target: Path, done: GeocodedFile, *, as_json: bool) -> None:
    counts = {name: getattr(done, name) for name in ("rows", "sure", "unsure", "elsewhere", "unknown")}
    words = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    value = {"file": str(target), **counts} | done.bad.as_json()
    answer(value, as_json=as_json, show=lambda: click.echo(f"{target}: {words}"))
    show_bad_rows(done.bad)


def show_candidates(found: Geocoded) -> None:
    """Print the candidates of an address, and the question to put to the caller."""
    if not found.found:
        click.secho(f"Not known in {', '.join(found.searched)}.", fg="yellow")
    else:
        rows = [(f"{c.lon:.6f}", f"{c.lat:.6f}", f"{c.radius_m:.0f}", f"{c.confidence:.2f}", c.level, c.name,
                 c.township, c.village) for c in (each.candidate for each in found.found)]  # fmt: skip
        table(["lon", "lat", "radius_m", "confidence", "level", "name", "township", "village"], rows)
    question = found.as_json()["question"]
    if question is not None:
        click.secho(printable(QUESTIONS[question["kind"]].format(" or ".join(question["options"]))), fg="yellow")
    if found.left_out:
        click.secho(f"{found.left_out} districts were not searched: name one with --district CODE.", fg="yellow")
    if found.outside not in {None, "answered", "nothing"}:
        click.secho(f"The outside geocoder: {found.outside}.", fg="yellow")


def question_in_words(address: Mapping[str, Any]) -> str:
    """Return what to ask the caller of a case whose place is to be confirmed."""
    names = [each["name"] or each["village"] or each["township"] or "" for each in address["candidates"]]
    part = {"which-township": "township", "which-village": "village"}.get(address["question"])
    if part is not None:
        names = [each[part] or "" for each in address["candidates"]]
    words = QUESTIONS[address["question"]].format(" or ".join(dict.fromkeys(filter(None, names))))
    return f"The place is not certain ({address['confidence']:.2f}). {words}"


@click.group()
def addresses() -> None:
    """Names that persons gave to the places of cases: one person's is a question, two persons' is acted on."""


@addresses.command("learned")
@district_option
@json_option
def learned(*, district: str | None, as_json: bool) -> None:
    """List the names learned from cases, who confirmed them, and which are acted on."""
    from gridsvc.operations.places import learned as operation

    items = operation.list_names(opened_service(), district)
    rows = [(i["name"], i["township"], f"{i['lon']:.6f}", f"{i['lat']:.6f}", f"{i['radius_m']:.0f}",
             ", ".join(i["persons"]), "yes" if i["acted_on"] else "asks") for i in items]  # fmt: skip
    columns = ["name", "township", "lon", "lat", "radius_m", "confirmed by", "acted on"]
    answer({"items": items}, as_json=as_json, show=lambda: table(columns, rows))


@addresses.command("learn")
@click.argument("case")
@click.argument("name")
@actor_option
@json_option
def learn(*, case: str, name: str, actor: str, as_json: bool) -> None:
    """Confirm that the place of CASE (its number or id) is called NAME."""
    from gridsvc.operations.places import learned as operation

    service = opened_service()
    value = operation.learn_name(service, find_case(service, case), name, actor=actor)
    words = "acted on" if value["acted_on"] else "a question until another person confirms it"
    answer(value, as_json=as_json, show=lambda: click.echo(printable(f"{value['name']}: {words}.")))


@addresses.command("forget")
@click.argument("name")
@district_option
@json_option
def forget(*, name: str, district: str | None, as_json: bool) -> None:
    """Forget what was learned of NAME (or of the confirmation with this id)."""
    from gridsvc.operations.places import learned as operation

    value = operation.forget_name(opened_service(), name, district, actor=ACTOR)
    answer(value, as_json=as_json, show=lambda: click.echo(f"{value['forgotten']} confirmations forgotten."))
