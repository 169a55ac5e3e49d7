"""`gridsvc db`: the embedded cluster and the schema."""

from __future__ import annotations

from pathlib import Path

import click

from gridsvc.cli.answers import answer, district_option, json_option, progress, say
from gridsvc.cli.dates import read_moment
from gridsvc.cli.groups import Group
from gridsvc.errors import Refusal
from gridsvc.settings import Settings, admin_url, open_cluster, open_service


@click.group(cls=Group)
def db() -> None:
    """Start and stop the database, print its address, migrate its schema, back it up and restore it."""


@db.command()
@json_option
def up(*, as_json: bool) -> None:
    """Start the database (the first time, create it) and bring its schema up to date."""
    service = open_service(Settings.read(), report=say)
    url = service.database.url
    service.database.close()
    answer({"url": url}, as_json=as_json, show=lambda: click.echo(f"The database is up: {url}"))


@db.command()
@json_option
def down(*, as_json: bool) -> None:
    """Stop the embedded cluster."""
    settings = Settings.read()
    if settings.database_url is not None:
        raise Refusal("GRIDSVC_DATABASE_URL names a database that gridsvc does not manage. Stop it where it runs.")
    cluster = open_cluster(settings, say)
    was_up = cluster.running()
    if was_up:
        cluster.stop()
    words = "The database is down." if was_up else "The database was not running."
    answer({"stopped": was_up}, as_json=as_json, show=lambda: click.echo(words))


@db.command()
@click.option("--role", type=click.Choice(["app", "viewer", "owner"]), default="app", show_default=True,
              help="viewer reads grids, roads, teams and cases: the role for QGIS.")  # fmt: skip
@district_option
@json_option
def url(*, role: str, district: str | None, as_json: bool) -> None:
    """Print the database's address for SQLAlchemy, psql or QGIS; a viewer with --district sees only that district."""
    from gridsvc.db.access import viewers

    if district is not None and role != "viewer":
        raise click.UsageError("--district goes only with --role viewer.")
    settings = Settings.read()
    if settings.database_url is None:
        cluster = open_cluster(settings, say)
        cluster.ensure()
        address = cluster.url(role)
        if district is not None:
            address = viewers.url_as(address, viewers.make_viewer(cluster.url("superuser"), district))
    elif role == "viewer":
        address = viewers.url_as(settings.database_url, viewers.viewer_of(district))
        if district is not None:
            lines = "; ".join(line.as_string(None) for line in viewers.lines_for(viewers.viewer_of(district)))
            say(f"gridsvc does not manage this database. If the role does not exist, run as a superuser: {lines}; "
                "and give it a password.")  # fmt: skip
    else:
        address = admin_url(settings) if role == "owner" else settings.database_url
    answer({"url": address}, as_json=as_json, show=lambda: click.echo(address))


@db.command()
@json_option
def migrate(*, as_json: bool) -> None:
    """Bring the schema up to date, as its owner."""
    from gridsvc.db.schema.migrate import upgrade
    from gridsvc.db.schema.revision import HEAD

    settings = Settings.read()
    if settings.database_url is None:
        open_cluster(settings, say).prepare()
    done = upgrade(admin_url(settings))
    words = f"The schema is now {HEAD}." if done else f"The schema was already {HEAD}."
    answer({"revision": HEAD, "migrated": done}, as_json=as_json, show=lambda: click.echo(words))


@db.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def backup(*, file: Path, as_json: bool) -> None:
    """Write the whole service to FILE while it runs: cases, evidence, grids, roads, keys."""
    from gridsvc.operations.jobs import backup as backups

    service = open_service(Settings.read(), pool=2, report=say)
    done = backups.back_up(service, file, progress=progress("backup"))
    words = f"{file}: {done.size_bytes / 1e6:.1f} MB, SHA-256 {done.sha256}"
    answer(done.as_json(), as_json=as_json, show=lambda: click.echo(words))


@db.command(name="base-backup")
@json_option
def base_backup(*, as_json: bool) -> None:
    """Copy the embedded cluster into its archive (GRIDSVC_WAL_ARCHIVE): recoveries to any later moment start there."""
    from gridsvc.operations.jobs import recovery

    settings = Settings.read()
    if settings.database_url is not None:
        raise Refusal("GRIDSVC_DATABASE_URL names a database that gridsvc does not manage. Copy it where it runs.")
    done = recovery.make_base_backup(open_service(settings, pool=2, report=say))
    words = f"{done.folder}: {done.size_bytes / 1e6:.1f} MB, complete at {done.made_at.isoformat()}"
    answer(done.as_json(), as_json=as_json, show=lambda: click.echo(words))


@db.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--archive", type=click.Path(path_type=Path), help="Restore from this archive (GRIDSVC_WAL_ARCHIVE).")
@click.option("--to-time", metavar="TIME", help="Last moment to restore, with offset.  [default: all of the archive]")
@click.option("--timeline", type=click.IntRange(1), help="Timeline of the log to follow.  [default: the newest]")
@json_option
def restore(
    *, file: Path | None, archive: Path | None, to_time: str | None, timeline: int | None, as_json: bool
) -> None:
    """Restore a backup FILE, or an archive to a moment, into an empty data folder (GRIDSVC_DATA), here or elsewhere."""
    if file is None:
        _recover(archive, to_time, timeline, as_json=as_json)
        return
    if archive is not None or to_time is not None or timeline is not None:
        raise click.UsageError("A backup FILE is of one moment. Leave out FILE to restore from an archive.")
    from gridsvc.operations.jobs import backup as backups

    done = backups.restore(admin_url(Settings.read()), file, progress=progress("restore"))
    words = f"Restored: {done.manifest['rows']['incident']} cases. `gridsvc audit verify` proves their evidence."
    answer(done.as_json(), as_json=as_json, show=lambda: click.echo(words))


def _recover(archive: Path | None, to_time: str | None, timeline: int | None, *, as_json: bool) -> None:
    from gridsvc.db.cluster.recovery import Target
    from gridsvc.operations.jobs import recovery

    settings = Settings.read()
    if settings.database_url is not None:
        raise Refusal("GRIDSVC_DATABASE_URL names a database that gridsvc does not manage. Recover it where it runs.")
    cluster = open_cluster(settings, say)
    source = archive.expanduser().absolute() if archive is not None else cluster.archive
    if source is None:
        raise click.UsageError("Give a backup FILE, or --archive FOLDER, or set GRIDSVC_WAL_ARCHIVE.")
    target = Target(read_moment(to_time, "--to-time"), timeline)
    done = recovery.recover(cluster, source, target)
    last = "none" if done.last_change_at is None else done.last_change_at.isoformat()
    words = f"Restored from {source}; the last change is of {last}. `gridsvc audit verify` proves the evidence."
    answer(done.as_json(), as_json=as_json, show=lambda: click.echo(words))
