"""`gridsvc load incidents`: cases of another dispatch system as history; list what is loaded, remove a file again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridsvc.cli.answers import ACTOR, answer, district_option, json_option, opened_service, printable, progress, say
from gridsvc.cli.answers import table as show_table
from gridsvc.cli.options import collect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.files.calls.rejected import Rejected
    from gridsvc.operations.imports.history import Loaded

_SHOWN = 10
_OUTSIDE = ("keep", "leave-out", "refuse")


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The options of `load incidents`."""

    map_: Path | None
    outside: str
    rejected: Path | None
    dry_run: bool
    remove: str | None
    list_: bool
    district: str | None

    def check(self, file: Path | None) -> None:
        """Raise UsageError for options that do not go together."""
        if sum((file is not None, self.remove is not None, self.list_)) != 1:
            raise click.UsageError("Give FILE with --map MAP, or --remove DIGEST, or --list.")
        if (file is None) != (self.map_ is None):
            raise click.UsageError(
                "FILE and --map go together. `gridsvc compliance --file FILE --map guess --save-map MAP.toml` "
                "proposes a map."
            )
        if str(self.map_) == "guess":
            raise click.UsageError(
                "A guessed map is for a person to check first: `gridsvc compliance --file FILE --map guess --save-map "
                "MAP.toml`, then load with --map MAP.toml."
            )


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--map", "map_", type=click.Path(path_type=Path), metavar="MAP.toml",
              help="What the columns are: a file, or the name of one in geodata/maps.")  # fmt: skip
@click.option("--outside", type=click.Choice(_OUTSIDE), default="keep", show_default=True,
              help="Cases whose position lies outside the district: keep them without owners (no plan and no "
                   "calibration uses them), leave them out, or refuse the file.")  # fmt: skip
@click.option("--rejected", type=click.Path(path_type=Path), metavar="OUT.csv",
              help="Write the rows of which something is not used: line, reason, cure, and the row.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Read, place and count, but load nothing.")
@click.option("--remove", metavar="DIGEST", help="Remove the cases of the file whose digest begins so.")
@click.option("--list", "list_", is_flag=True, help="List the files that were loaded.")
@district_option
@json_option
@collect(ImportOptions)
def load_incidents(asked: ImportOptions, *, file: Path | None, as_json: bool) -> None:
    """Load the cases of another dispatch system (FILE: its export as CSV) as history.

    They are for `compliance --imported`, `roads calibrate --imported` and `cover plan --demand imported`. They never
    become cases of this service, and no figure counts them with its cases. The same file is loaded once.
    """
    asked.check(file)
    from gridsvc.operations.imports import history

    service = opened_service()
    if asked.list_:
        found = history.list_imports(service, asked.district, removed=True)
        answer({"items": found}, as_json=as_json, show=lambda: _show_list(found))
        return
    if asked.remove is not None:
        gone = history.remove_import(service, asked.district, asked.remove, actor=ACTOR)
        words = f"{gone['cases']} cases of {gone['name']} are removed; the evidence keeps that they were there."
        answer(gone, as_json=as_json, show=lambda: click.echo(printable(words)))
        return
    from gridsvc.files.calls.maps import read_call_map

    assert file is not None
    assert asked.map_ is not None
    loaded = history.load_history(
        service, asked.district, file, read_call_map(asked.map_), outside=asked.outside, dry_run=asked.dry_run,
        actor=ACTOR, progress=progress("cases"),
    )  # fmt: skip
    written = _write_rejected(asked.rejected, loaded)
    answer(loaded.answer | written, as_json=as_json, show=lambda: _show(loaded.answer))
    _say_rejected(asked.rejected, loaded)


def _write_rejected(path: Path | None, loaded: Loaded) -> dict[str, Any]:
    if path is None or loaded.export is None:
        return {}
    from gridsvc.files.calls.rejected import write_rejected

    count = write_rejected(path, loaded.export.file, _rejected(loaded))
    say(f"{path}: {count} rows.")
    return {"rejected": str(path)}


def _rejected(loaded: Loaded) -> Iterator[Rejected]:
    """Yield the rows of which something is not used, then the cases that are left out as a whole."""
    from gridsvc.files.calls.rejected import Rejected, list_rejected

    assert loaded.export is not None
    yield from list_rejected(loaded.export.file, loaded.export.skipped)
    titles = list(loaded.export.file.titles)
    place = titles.index(loaded.export.of.columns["case"][0]) if loaded.export.of.columns["case"][0] in titles else 0
    for reason, ids in (loaded.left_out or {}).items():
        for each in ids:
            yield Rejected(None, reason, [each if number == place else "" for number in range(len(titles))])


def _say_rejected(path: Path | None, loaded: Loaded) -> None:
    """Write the first rows of which something is not used to stderr, with line and cure."""
    if loaded.export is None:
        return
    from gridsvc.files.calls.rejected import first_rejected

    for each in first_rejected(loaded.export.file, loaded.export.skipped, _SHOWN):
        say(printable(f"{loaded.export.file.path}, line {each.line}: {each.reason}. {each.cure}"))
    count = sum(number for number, _ in loaded.export.skipped.reasons.values())
    if count > _SHOWN and path is None:
        say(f"The first {_SHOWN} of {count} are above; --rejected OUT.csv writes all.")


def _show(found: dict[str, Any]) -> None:
    if found["already"]:
        click.echo(f"{found['name']} is loaded already as import {found['number']}: nothing is changed.")
        return
    done = "would be loaded" if found["dry_run"] else "are loaded"
    click.secho(
        printable(f"{found['cases']} cases with {found['teams']} teams of {found['name']} {done}, from "
                  f"{(found['first'] or '?')[:10]} to {(found['last'] or '?')[:10]}."), bold=True,
    )  # fmt: skip
    click.echo(f"{found['rows']} rows by the map {found['map']}; {found['repeated_rows']} were there twice.")
    click.echo(f"{found['emergencies']} emergencies, {found['drills']} drills, {found['cancelled']} cancelled.")
    places = found["places"]
    click.echo(f"Owners: {places['located']} by position, {places['named']} by the name of a grid, "
               f"{places['outside']} outside the district, {places['unknown']} unknown.")  # fmt: skip
    if found["generation"] is None:
        click.secho("No grids are in force, so that no case has an owner.", fg="yellow")
    far = found["outside"]
    if far is not None:
        click.secho(
            f"{far['cases']} cases lie outside; their middle, {far['middle_lon']} {far['middle_lat']}, is "
            f"{far['middle_distance_m'] / 1000:.1f} km from the district. Where that is wrong, check `latitude_first` "
            "and `datum` of the map. No plan and no calibration uses them.",
            fg="yellow",
        )
    for reason, count in found["left_out"].items():
        click.secho(f"{count} cases are left out: {reason}.", fg="yellow")
    for each in found["skipped"]:
        click.echo(printable(f"{each['count']} rows: {each['reason']}, first {each['example']!r}."))
    click.echo(f"SHA-256 {found['digest']}")


def _show_list(found: list[dict[str, Any]]) -> None:
    show_table(
        ["number", "file", "digest", "map", "cases", "first", "last", "loaded", "removed"],
        [
            (each["number"], each["name"], each["digest"][:12], each["map"], each["cases"], (each["first"] or "")[:10],
             (each["last"] or "")[:10], each["loaded_at"][:16], (each["removed_at"] or "")[:16])
            for each in found
        ],
    )  # fmt: skip
