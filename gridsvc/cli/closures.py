"""`gridsvc closures`: list, add and remove closed or slow roads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gridsvc.cli.answers import answer, district_option, json_option, opened_service, read_id, table
from gridsvc.cli.dates import local_time, read_moment
from gridsvc.cli.geometry import read_geometry
from gridsvc.cli.groups import Group
from gridsvc.cli.names import actor_option
from gridsvc.cli.options import collect

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry


@click.group(cls=Group)
def closures() -> None:
    """List, add and remove closed or slow roads."""


@closures.command("list")
@district_option
@json_option
def list_command(*, district: str | None, as_json: bool) -> None:
    """List the closures, now and to come."""
    from gridsvc.operations.roads.closures import list_closures

    items = list_closures(opened_service(), district)["items"]
    answer(items, as_json=as_json, show=lambda: table(
        ["closure", "factor", "from", "until", "acts now for", "reason"],
        [(c["id"], c["factor"], local_time(c["from"]), local_time(c["until"]) or "removed", ", ".join(c["acts"]),
          c["reason"]) for c in items],
    ))  # fmt: skip


@dataclass(frozen=True, slots=True)
class ClosureOptions:
    """The options of `closures add`."""

    geometry: Path | None
    reason: str
    factor: float
    since: str | None
    until: str | None
    profile: tuple[str, ...]

    def shape(self, coordinates: tuple[float, ...]) -> BaseGeometry:
        """Return the geometry of LON LAT pairs (one pair: a point, more: a line) or of a GeoJSON file."""
        from gridsvc.operations.places.extents import read_extent

        if (self.geometry is None) == (not coordinates) or len(coordinates) % 2:
            raise click.UsageError("Give LON LAT pairs, or --geometry FILE.")
        if self.geometry is not None:
            return read_geometry(self.geometry)
        pairs = list(zip(coordinates[::2], coordinates[1::2], strict=True))
        point = {"type": "Point", "coordinates": pairs[0]}
        return read_extent(point if len(pairs) == 1 else {"type": "LineString", "coordinates": pairs})


@closures.command(context_settings={"ignore_unknown_options": True})  # -122.6 is a longitude
@click.argument("coordinates", nargs=-1, type=float, metavar="LON LAT ...")
@click.option("--geometry", type=click.Path(path_type=Path), metavar="FILE",
              help="GeoJSON of a point, line or area, instead of LON LAT.")  # fmt: skip
@click.option("--reason", required=True, metavar="TEXT", help="Why.")
@click.option("--factor", type=click.FloatRange(0, 1), default=0.0, show_default=True,
              help="0: closed; 0.5: half the speed.")  # fmt: skip
@click.option("--from", "since", metavar="TIME", help="From when (RFC 3339, with offset).  [default: now]")
@click.option("--until", metavar="TIME", help="Until when.  [default: until it is removed]")
@click.option("--profile", type=click.Choice(["normal", "emergency"]), multiple=True,
              help="For whom; may be repeated.  [default: both]")  # fmt: skip
@actor_option
@district_option
@json_option
@collect(ClosureOptions)
def add(
    asked: ClosureOptions, *, coordinates: tuple[float, ...], actor: str, district: str | None, as_json: bool
) -> None:
    """Close or slow the roads at LON LAT, along a line of LON LAT pairs, or in an area. Acts on the next query."""
    from gridsvc.operations.roads.closures import NewClosure, add_closure
    from gridsvc.roads.network.network import PROFILES

    shape = asked.shape(coordinates)
    since, until = read_moment(asked.since, "--from"), read_moment(asked.until, "--until")
    new = NewClosure(
        shape, factor=asked.factor, reason=asked.reason, profiles=asked.profile or PROFILES, since=since, until=until
    )
    made = json.loads(add_closure(opened_service(), new, actor=actor, district=district).body)
    verb = "closed" if asked.factor == 0 else f"slowed to {asked.factor:g} of their speed"
    words = f"{made['edges']} road segments, {made['km']} km, {verb}. Closure {made['id']}"
    answer(made, as_json=as_json, show=lambda: click.echo(words))


@closures.command()
@click.argument("closure")
@actor_option
@json_option
def remove(*, closure: str, actor: str, as_json: bool) -> None:
    """End CLOSURE (its id) at once."""
    from gridsvc.operations.roads.closures import delete_closure

    number = read_id(closure, "closure", "`gridsvc closures list` lists them.")
    delete_closure(opened_service(), number, actor=actor)
    answer(
        {"id": str(number), "removed": True}, as_json=as_json, show=lambda: click.echo(f"Closure {number} is removed.")
    )
