"""`gridsvc load ...`: one command for each kind of data."""

from __future__ import annotations

import click

from gridsvc.cli.groups import LazyGroup, Word

KINDS = {
    "grids": Word("gridsvc.cli.grids", "load_grids", "Boundaries of one level, from any format that geopandas reads"),
    "osm": Word("gridsvc.cli.demo", "load_osm", "Roads, boundaries, places, addresses and stations of an OSM file"),
    "roads": Word("gridsvc.cli.roads", "load_roads", "A road network"),
    "teams": Word("gridsvc.cli.law", "load_teams", "Stations and teams"),
    "catalogue": Word("gridsvc.cli.law", "load_catalogue", "Units, fields and matters of the law"),
    "calendar": Word("gridsvc.cli.law", "load_calendar", "Public holidays, and weekend days worked instead"),
    "addresses": Word("gridsvc.cli.law", "load_addresses", "Addresses with their coordinates"),
    "posts": Word("gridsvc.cli.posts", "load_posts", "Leaders, deputies and officers of the grids"),
    "incidents": Word("gridsvc.cli.imports", "load_incidents", "Cases of another dispatch system, as history"),
    "plans": Word("gridsvc.cli.law", "load_plans", "Run cards: which incident needs which teams"),
}


class Kinds(LazyGroup):
    """The loaders, one for each kind of data."""

    words = KINDS


@click.group(cls=Kinds)
def load() -> None:
    """Load data. Each loader reports what it read; a refusal names the place in the file and the cure."""
