"""`gridsvc demo` and `gridsvc load osm`."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridsvc.cli.answers import answer, json_option, say, table
from gridsvc.cli.cures import cure_as_command
from gridsvc.cli.options import accept_uncovered, collect
from gridsvc.files.packaged import geodata_folder
from gridsvc.settings import Settings, open_service

if TYPE_CHECKING:
    from gridsvc.demo.build import Demo

DEFAULT_PORT = 8733

_level = click.option("--level", metavar="L=ADMIN_LEVEL", multiple=True,
                      help="The file's admin_level for a level, such as township=8; may be repeated.")  # fmt: skip


@click.command()
@click.option("--osm", type=click.Path(path_type=Path), metavar="FILE.osm.pbf",
              help="A real place.  [default: the synthetic Jindong]")  # fmt: skip
@click.option("--incidents", type=click.IntRange(0, 1_000_000), help="Cases of the past two years.  [default: 600]")
@click.option(
    "--seed", type=click.IntRange(0, 2**31), help="Seed of the past cases and of the synthetic place.  [default: 1]"
)
@click.option(
    "--replay", metavar="SPEED", help="Report incidents while the demo is served, for example 60x: 60 times real time."
)
@click.option(
    "--port", type=click.IntRange(1, 65535), help=f"Port to listen at.  [default: {DEFAULT_PORT}, or a free one]"
)
@click.option("--no-serve", is_flag=True, help="Build the demo, do not serve it.")
@_level
@json_option
def demo(
    *, osm: Path | None, incidents: int | None, seed: int | None, replay: str | None, port: int | None,
    no_serve: bool, level: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Build the demo district, or a real place from an OSM file, and serve it to this machine without sign-in."""
    from gridsvc.demo.build import Wish, provide_demo
    from gridsvc.serve import listener

    admin_levels, speed = read_levels(level), read_speed(replay)
    settings = Settings.read(auth="off")
    if not no_serve:
        listener.refuse_open_service("127.0.0.1", settings.auth)
        if port is not None:
            listener.Listener("127.0.0.1", port).check_port()
    service = open_service(settings, pool=2, report=say)
    made = provide_demo(service, Wish(osm, incidents, seed, admin_levels), geodata_folder(), say)
    answer(made.answer, as_json=as_json, show=lambda: show_demo(made))
    service.database.close()
    if not no_serve:
        serve_demo(settings, port or free_port(), str(made.answer["district"]), speed)


def read_levels(texts: tuple[str, ...]) -> dict[Any, int]:
    """Read `township=8` into our level and the file's."""
    from gridsvc.grids.levels import LEVEL_KEYS, Level

    found = {}
    for word in texts:
        key, sign, number = word.partition("=")
        if not sign or key not in LEVEL_KEYS or not number.isdigit():
            known = ", ".join(LEVEL_KEYS)
            raise click.BadParameter(f"{word!r} is not LEVEL=ADMIN_LEVEL, e.g. township=8. Levels: {known}.",
                                     param_hint="--level")  # fmt: skip
        found[Level.from_key(key)] = int(number)
    return found


def read_speed(text: str | None) -> float | None:
    """Read `60x`."""
    if text is None:
        return None
    try:
        speed = float(text.lower().removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0.1 <= speed <= 10_000:
        raise click.BadParameter(f"{text!r} is not a speed. Give for example 60x.", param_hint="--replay")
    return speed


def show_demo(made: Demo) -> None:
    """Print what is there, the proof, and one dispatched incident."""
    result = made.answer
    click.echo()
    rows: list[tuple[str, object]] = [
        ("district", f"{result['district']}  {'synthetic' if result['synthetic'] else 'real roads and townships'}"),
        ("grids", ", ".join(f"{count} {key}" for key, count in result["grids"].items())),
        ("roads", f"{result['roads']['nodes']:,} nodes, {result['roads']['arcs']:,} arcs"),
        ("teams", result["teams"]),
        ("incidents", f"{result['incidents']}, of them {result['owned']} with one whole owner chain"),
        ("dispatched", result["dispatched"]),
        ("in time", "-" if result["met_target_share"] is None else f"{result['met_target_share']:.1%} of emergencies"),
        (
            "lead response p90",
            "-" if result["lead_response_p90_s"] is None else f"{result['lead_response_p90_s']:.0f} s",
        ),
        ("travel times", f"{made.agreement['agree']} of {made.agreement['compared']} agree with networkx"),
        ("built" if not made.reused else "found again", f"in {result['seconds']} s"),
    ]
    table(["what", "how much"], rows)
    for note in made.notes:
        click.secho(f"  {note}.", dim=True)
    if made.first is not None:
        click.echo()
        show_first(made.first)


def show_first(result: dict[str, Any]) -> None:
    """Print a dispatched incident for a person: what, whose, who goes, in how many seconds, who does not and why."""
    rec, names = result["recommendation"], result["team_names"]
    chain = " > ".join(owner["name"] for owner in result["owners"].values() if owner)
    click.secho(f"A dispatched incident: {result['type_name']} ({result['type']})", bold=True)
    click.echo(f"Whose: {chain}")
    click.echo(f"{result['response_class'].capitalize()}, the lead has {result['target_s']} s and needs ", nl=False)
    click.secho(f"{rec['lead_response_s']:.0f} s: {'in time' if rec['meets_target'] else 'late'}",
                fg="green" if rec["meets_target"] else "red", bold=True)  # fmt: skip
    sent = [rec["lead"], *rec["members"]]
    table(["slot", "team", "unit", "travel_s", "response_s", "in time"],
          [(each["slot"], names.get(each["team_id"], each["team_id"]), each["unit"], each["travel_s"],
            each["response_s"], "late" if each["late"] else "yes") for each in sent])  # fmt: skip
    for missing in rec["unfilled"]:
        click.secho(f"Unfilled: {missing['slot']}: {missing['reason']}", fg="yellow")
    going = {each["team_id"] for each in sent}
    stay = [each for each in rec["considered"] if each["team_id"] not in going]
    others = ", ".join(f"{number} {verdict}" for verdict, number in rec["considered_counts"].items()) or "none"
    click.echo("Not sent, the nearest of those that may go by law:")
    table(["team", "travel_s", "why not"],
          [(names.get(c["team_id"], c["team_id"]), c["travel_s"], c["verdict"]) for c in stay[:5]])  # fmt: skip
    click.echo(f"Others: {others}.")


def free_port() -> int:
    """Return the usual port where nobody listens there, else any free one."""
    for port in (DEFAULT_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise AssertionError


def serve_demo(settings: Settings, port: int, district: str, speed: float | None) -> None:
    """Serve on the loopback address without sign-in until Ctrl-C."""
    from contextlib import ExitStack

    from gridsvc.serve import listener, run

    os.environ["GRIDSVC_AUTH"] = settings.auth  # read by the HTTP processes, which are children of this one
    say(f"gridsvc answers at http://127.0.0.1:{port}/   (no sign-in, this machine only; Ctrl-C ends it)")
    with ExitStack() as stack:
        running = run.running(listener.Listener("127.0.0.1", port), run.default_processes())
        processes = stack.enter_context(running)
        processes.start()
        if speed is not None:
            from gridsvc.demo.live import live_replay

            say(f"Incidents are reported now, at {speed:g} times real time.")
            stack.enter_context(live_replay(open_service(settings, pool=2), district, speed))
        processes.wait()


@dataclass(frozen=True, slots=True)
class OsmOptions:
    """The options of `load osm`."""

    district: str | None
    level: tuple[str, ...]
    accept_uncovered: bool


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--district", metavar="CODE", help="Code of the district; the codes of its grids start with it.")
@_level
@accept_uncovered
@json_option
@collect(OsmOptions)
def load_osm(asked: OsmOptions, *, file: Path, as_json: bool) -> None:
    """Load the roads of an OSM file (FILE), and the boundaries, places, addresses and stations that it has."""
    from gridsvc.operations.imports.osm import load_file

    service = open_service(Settings.read(), pool=2, report=say)
    with cure_as_command(["load", "osm", str(file)], asked):
        result = load_file(
            service, file, asked.district, read_levels(asked.level), say, accept_uncovered=asked.accept_uncovered
        )

    def show() -> None:
        counts = ", ".join(f"{count} {key}" for key, count in result["grids"].items())
        roads = f"{result['roads']['nodes']:,} nodes, {result['roads']['arcs']:,} arcs"
        table(["what", "how much"], [("district", result["district"]), ("grids", counts), ("roads", roads),
                                     ("stations", result["stations"]), ("addresses", result["addresses"])])  # fmt: skip
        for note in result["notes"]:
            click.secho(f"  {note}.", dim=True)

    answer(result, as_json=as_json, show=show)
