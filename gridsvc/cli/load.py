"""`gridsvc load ...`: one word a kind of data, each in the module of its noun."""

from __future__ import annotations

import importlib

import click

# kind: (module, attribute, one line). A module is imported when its word is typed.
KINDS = {
    "grids": ("gridsvc.cli.grids", "load_grids", "Boundaries of one level, from anything geopandas reads"),
    "osm": ("gridsvc.cli.demo", "load_osm", "Roads, boundaries, places, addresses, stations of an OSM file"),
    "roads": ("gridsvc.cli.roads", "load_roads", "A road network alone"),
    "teams": ("gridsvc.cli.law", "load_teams", "Stations and teams"),
    "catalogue": ("gridsvc.cli.law", "load_catalogue", "Units, fields and matters of the law"),
    "calendar": ("gridsvc.cli.law", "load_calendar", "Days off, and weekend days that are worked for them"),
    "addresses": ("gridsvc.cli.law", "load_addresses", "Addresses: text, lon, lat"),
    "plans": ("gridsvc.cli.law", "load_plans", "Run cards: which incident needs whom"),
}


class Kinds(click.Group):
    """A group that imports the loader of a kind when it is typed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(KINDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in KINDS:
            return None
        module, attribute, _ = KINDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(kind, line) for kind, (_, _, line) in KINDS.items()])


@click.group(cls=Kinds)
def load() -> None:
    """Load data. Every kind says what it found, and refuses with the place and the cure."""
