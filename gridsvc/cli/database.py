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
    stopped = open_cluster(settings, say).stop()
    words = "The database is down." if stopped else "The database was not running."
    answer({"stopped": stopped}, as_json=as_json, show=lambda: click.echo(words))


tcp_option = click.option("--tcp", is_flag=True, help="Of the port for viewers (GRIDSVC_VIEWER_PORT).")


@db.command()
@click.option("--role", type=click.Choice(["app", "viewer", "owner"]), default="app", show_default=True,
              help="viewer reads grids, roads, teams and cases: the role for QGIS.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(["sqlalchemy", "libpq", "ogr", "qgis"]), default="sqlalchemy",
              show_default=True, help="Who reads it: gridsvc and SQLAlchemy, psql, GDAL, or QGIS.")  # fmt: skip
@tcp_option
@district_option
@json_option
def url(*, role: str, form: str, tcp: bool, district: str | None, as_json: bool) -> None:
    """Print the database's address for SQLAlchemy, psql, GDAL or QGIS; a viewer with --district sees only that one."""
    from gridsvc.db.access.url_forms import VIEWS, as_form

    if role != "viewer" and (district is not None or tcp):
        raise click.UsageError("--district and --tcp go only with --role viewer.")
    settings = Settings.read()
    address = _viewer_address(settings, district, tcp=tcp) if role == "viewer" else _own_address(settings, role)
    text = as_form(address, form, tables=VIEWS if role == "viewer" else ())
    answer({"url": text}, as_json=as_json, show=lambda: click.echo(text))


def _own_address(settings: Settings, role: str) -> str:
    if settings.database_url is not None:
        return admin_url(settings) if role == "owner" else settings.database_url
    cluster = open_cluster(settings, say)
    cluster.ensure()
    return cluster.url(role)


def _viewer_address(settings: Settings, district: str | None, *, tcp: bool) -> str:
    """Return the address of the read-only role of a district, or of all, whose role is made where it is missing."""
    from gridsvc.db.access import viewers

    role = viewers.viewer_of(district)
    if settings.database_url is not None:
        if tcp:
            raise Refusal("GRIDSVC_DATABASE_URL names the database, with its own port. Leave out --tcp.")
        if district is not None:
            lines = "; ".join(line.as_string(None) for line in viewers.lines_for(role))
            say(f"gridsvc does not manage this database. If the role does not exist, run as a superuser: {lines}; "
                "and give it a password.")  # fmt: skip
        return viewers.url_as(settings.database_url, role)
    cluster = open_cluster(settings, say)
    cluster.ensure()
    if district is not None:
        viewers.make_viewer(cluster.url("superuser"), district)
    if not tcp:
        return viewers.url_as(cluster.url("viewer"), role)
    port = cluster.find_viewer_port()
    if port is None:
        raise Refusal(
            "The database takes no viewers over TCP. Set GRIDSVC_VIEWER_PORT=5433 for the service, then stop the "
            "service and type: gridsvc db down && gridsvc db up",
            kind="no-viewer-port",
        )
    return viewers.url_at(str(port), role)


@db.command()
@district_option
@json_option
def password(*, district: str | None, as_json: bool) -> None:
    """Give a viewer a new password for the port of GRIDSVC_VIEWER_PORT; it is shown once, and the old one is void."""
    from gridsvc.db.access import viewers

    settings = Settings.read()
    if settings.database_url is not None:
        raise Refusal("GRIDSVC_DATABASE_URL names a database that gridsvc does not manage. Set passwords there.")
    cluster = open_cluster(settings, say)
    cluster.ensure()
    superuser = cluster.url("superuser")
    role = viewers.viewer_of(None) if district is None else viewers.make_viewer(superuser, district)
    made = viewers.set_password(superuser, role)
    answer(
        {"role": role, "password": made},
        as_json=as_json,
        show=lambda: click.echo(f"User: {role}\nPassword: {made}\nIt is not shown again."),
    )


@db.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--styles", metavar="FOLDER", type=click.Path(path_type=Path), help="Write a .qml for each layer, too.")
@tcp_option
@district_option
@json_option
def project(*, file: Path, styles: Path | None, tcp: bool, district: str | None, as_json: bool) -> None:
    """Write a QGIS project (FILE.qgz or .qgs) with every layer of the database and its style. It has no password."""
    from gridsvc.db.access.url_forms import keywords_of
    from gridsvc.files.qgis import project as projects
    from gridsvc.operations.grids.extent import find_extent

    settings = Settings.read()
    service = open_service(settings, report=say)
    try:
        extent = find_extent(service, district)
    finally:
        service.database.close()
    address = keywords_of(_viewer_address(settings, district, tcp=tcp))
    address.pop("password", None)
    layers = projects.write_project(file, address, extent)
    written = [] if styles is None else projects.write_styles(styles)
    answer(
        {"file": str(file), "layers": layers, "styles": [str(path) for path in written]},
        as_json=as_json,
        show=lambda: click.echo(f"{file}: {len(layers)} layers, {len(written)} styles"),
    )


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
