"""`gridsvc load grids` and `gridsvc grids ...`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gridsvc.cli.answers import answer, district_option, json_option, opened_service, progress, say, table
from gridsvc.cli.boundary_faults import opened, repair, rule, show_changes, show_faults
from gridsvc.cli.boundary_review import diff, history
from gridsvc.cli.code_lists import match
from gridsvc.cli.cures import cure_as_command
from gridsvc.cli.dates import read_date
from gridsvc.cli.groups import Group
from gridsvc.cli.options import collect
from gridsvc.cli.posts import move_posts, people

if TYPE_CHECKING:
    from gridsvc.grids.differences import Difference
    from gridsvc.operations.grids.generations import Activated

open_gap_option = click.option(
    "--open-gap-m", type=click.FloatRange(min=0), default=20.0, show_default=True, envvar="GRIDSVC_OPEN_GAP_M",
    help="A notch of the outline narrower than this, between two grids, is listed as a gap; 0: none is.",
)  # fmt: skip
tolerance_option = click.option(
    "--tolerance-m2", type=click.FloatRange(min=0), default=100.0, show_default=True, envvar="GRIDSVC_TOLERANCE_M2",
    help="A larger overlap, gap or sliver blocks the activation.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """The options of `load grids`."""

    level: str
    crs: str | None
    district: str | None
    code_field: str | None
    name_field: str | None
    parent_field: str | None
    layer: str | None
    encoding: str | None
    labels: Path | None
    accept_shift: bool
    repair: bool
    dry_run: bool


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """The options of `grids export`."""

    generation: int | None
    level: str | None
    crs: str | None
    district: str | None


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--level", required=True, metavar="LEVEL", help="regional, township, area or village.")
@click.option("--crs", metavar="CRS", help="Reference system of the coordinates: EPSG:4326, EPSG:4490, GCJ-02, BD-09, "
              "EPSG:4549, ...; takes precedence over that of the file.")  # fmt: skip
@click.option("--district", metavar="CODE", help="Code of the district; a new district is created.")
@click.option("--code-field", metavar="NAME", help="Column of the codes.")
@click.option("--name-field", metavar="NAME", help="Column of the names.")
@click.option("--parent-field", metavar="NAME", help="Column of the parent's code or name.  [default: by geometry]")
@click.option("--layer", metavar="NAME", help="Layer of a file with several, or file of a zip archive with several.")
@click.option("--encoding", metavar="NAME", help="Encoding of a Shapefile's texts, for example GBK.")
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="POINTS",
    help="File of points with names, one in each outline; for a drawing without attributes.",
)
@click.option(
    "--accept-shift",
    is_flag=True,
    help="Load boundaries although they are shifted against those in force, as by another datum.",
)
@click.option("--repair", is_flag=True, help="Mend invalid polygons, slivers and small gaps and overlaps of the draft; "
              "`grids repair --undo` takes it back.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Read and check, but store nothing.")
@json_option
@collect(LoadOptions)
def load_grids(asked: LoadOptions, *, file: Path, as_json: bool) -> None:
    """Load the boundaries of one level into the draft generation.

    FILE is any file that GDAL reads (Shapefile, GeoPackage, FileGDB, GeoJSON, KML, MapInfo, FlatGeobuf, DXF, CSV with
    WKT), a folder, or a zip archive of them. A refusal prints the command that cures it.
    """
    from gridsvc.operations.grids import imports
    from gridsvc.operations.grids.generations import level_of
    from gridsvc.operations.grids.repair import repair_draft

    if asked.repair and asked.dry_run:
        raise click.UsageError("--repair mends the draft that a load makes: leave --dry-run out.")
    service = opened_service()
    columns = imports.Columns(
        asked.code_field,
        asked.name_field,
        asked.parent_field,
        asked.layer,
        asked.encoding,
        asked.labels,
        asked.accept_shift,
    )
    with cure_as_command(["load", "grids", str(file)], asked):
        loaded = imports.load_grids(
            service, file, level_of(asked.level), district=asked.district, crs=asked.crs, columns=columns,
            dry_run=asked.dry_run, progress=progress("checking"),
        )  # fmt: skip
    repaired = repair_draft(service, loaded.district, progress=progress("mending")) if asked.repair else None
    for what, column in loaded.columns.items():
        say(f"{what.replace('_', ' ')} from column {column!r}")
    for note in loaded.notes:
        say(note)

    def show() -> None:
        click.secho(f"{loaded.grids} {loaded.level.key} grids of district {loaded.district}, {loaded.crs}", bold=True)
        if loaded.unresolved:
            click.secho(f"{loaded.unresolved} names are not known; their codes are provisional.", fg="yellow")
        if repaired is not None:
            show_changes(repaired.changes)
            show_faults(repaired.left)
        if loaded.faults is not None:
            show_faults(loaded.faults)
        if loaded.generation is None:
            click.echo("Dry run: nothing was stored.")
        else:
            click.echo(f"Draft generation {loaded.generation}. Next: gridsvc grids check --district {loaded.district}")

    more = {} if repaired is None else repaired.as_json()
    answer(loaded.as_json() | more, as_json=as_json, show=show)


@click.group(cls=Group)
def grids() -> None:
    """List, check, activate, roll back, compare and export generations of boundaries."""


@grids.command("list")
@district_option
@json_option
def list_command(*, district: str | None, as_json: bool) -> None:
    """List the grids in force."""
    from gridsvc.operations.grids.generations import list_grids

    rows = list_grids(*opened(district))
    answer(rows, as_json=as_json, show=lambda: table(
        ["level", "code", "name", "parent", "area_m2"],
        [(r["level"], r["code"], r["name"], r["parent"], f"{r['area_m2']:,.0f}") for r in rows],
    ))  # fmt: skip


@grids.command()
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE",
              help="Write the polygons of the faults to .gpkg or .geojson.")  # fmt: skip
@district_option
@tolerance_option
@open_gap_option
@json_option
def check(*, out: Path | None, district: str | None, tolerance_m2: float, open_gap_m: float, as_json: bool) -> None:
    """Find, locate and measure the faults of the draft, or of the generation in force where there is no draft."""
    from gridsvc.grids.fault import Limits
    from gridsvc.operations.grids import checks as operation

    limits = Limits(tolerance_m2, open_gap_m)
    checked = operation.check(*opened(district), limits=limits, out=out, progress=progress("checking"))
    if out is not None:
        say(f"{out}: the polygons of the faults")

    def show() -> None:
        click.secho(f"District {checked.district}, generation {checked.generation} ({checked.state})", bold=True)
        show_faults(checked.faults)
        if checked.state == "draft" and not checked.blocking:
            click.echo(f"Next: gridsvc grids activate {checked.generation} --district {checked.district}")

    answer(checked.as_json(), as_json=as_json, show=show)


@grids.command()
@click.argument("generation", type=int)
@click.option(
    "--at", "at", metavar="TIME", help="When it takes or took effect (RFC 3339, with offset).  [default: now]"
)
@click.option("--approved-by", metavar="NAME", help="Who approved it.  [default: who types the command]")
@district_option
@tolerance_option
@json_option
def activate(
    *,
    generation: int,
    at: str | None,
    approved_by: str | None,
    district: str | None,
    tolerance_m2: float,
    as_json: bool,
) -> None:
    """Put GENERATION in force, and list which areas change their owner."""
    from gridsvc.grids.fault import Limits
    from gridsvc.operations.grids import generations as operation

    service, code = opened(district)
    moment = read_date(at)
    if moment is not None and moment > datetime.now(UTC):
        from gridsvc.operations.jobs.schedule import plan_activation

        plan_activation(service, code, generation, moment, actor=approved_by or service.caller.name)
        words = f"Generation {generation} takes effect at {moment.isoformat()}."
        planned = {"district": code, "generation": generation, "planned_for": moment.isoformat()}
        answer(planned, as_json=as_json, show=lambda: click.echo(words))
        return
    done = operation.activate(
        service,
        code,
        generation,
        at=moment,
        approved_by=approved_by,
        limits=Limits(tolerance_m2),
        progress=progress("checking"),
    )
    answer(done.as_json(), as_json=as_json, show=lambda: _show_activated(done))


@grids.command()
@district_option
@json_option
def rollback(*, district: str | None, as_json: bool) -> None:
    """Put the previous generation in force again."""
    from gridsvc.operations.grids import generations as operation

    done = operation.rollback(*opened(district))
    answer(done.as_json(), as_json=as_json, show=lambda: _show_activated(done))


def _show_activated(done: Activated) -> None:
    click.secho(f"Generation {done.generation} of district {done.district} is in force.", fg="green", bold=True)
    if done.difference is not None:
        click.echo(f"Against generation {done.before}:")
        _show_difference(done.difference)
        click.echo(
            f"{done.teams} teams and {done.cases} open cases have a different owner chain now; open cases keep theirs."
        )


def _show_difference(difference: Difference) -> None:
    if difference.is_empty:
        click.echo("No grid differs.")
        return
    for word, codes in (("new", difference.added), ("gone", difference.removed), ("renamed", difference.renamed),
                        ("another parent", difference.reparented), ("another shape", difference.reshaped)):  # fmt: skip
        if codes:
            click.echo(f"{word}: {len(codes)} ({', '.join(codes[:5])}{', ...' if len(codes) > 5 else ''})")
    if difference.moves:
        table(["level", "from", "to", "area_m2"], [
            (m.level.key, m.before or "none", m.after or "none", f"{m.area_m2:,.1f}") for m in difference.moves[:20]
        ])  # fmt: skip


@grids.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--generation", type=int, help="Number of the generation.  [default: the one in force]")
@click.option("--level", metavar="LEVEL", help="Only this level.")
@click.option("--crs", metavar="CRS", help="Reference system: EPSG:4490, EPSG:4549, ...  [default: EPSG:4326]")
@district_option
@json_option
@collect(ExportOptions)
def export(asked: ExportOptions, *, file: Path, as_json: bool) -> None:
    """Write a generation to FILE.

    The ending of its name is the format: .geojson, .gpkg (a layer for each level), .fgb, .kml, .parquet, .shp, or .zip
    (a packed Shapefile).
    """
    from gridsvc.operations.grids import generations as operation

    found = None if asked.level is None else operation.level_of(asked.level)
    count = operation.export(*opened(asked.district), file, number=asked.generation, level=found, crs=asked.crs)
    words = f"{count} grids in {file}"
    answer({"file": str(file), "grids": count}, as_json=as_json, show=lambda: click.echo(words))


for command in (repair, rule, diff, history, match, move_posts, people):
    grids.add_command(command)
