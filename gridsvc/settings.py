"""Settings: read once by an entry point from the environment, then passed as values."""

from __future__ import annotations

import ctypes
import os
import signal
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gridsvc.access.hosts import read_origins
from gridsvc.errors import InvalidInput, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from gridsvc.operations.runtime.service import OutsideGeocoder, Service


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable: its name, default and meaning, for `gridsvc doctor` and the README."""

    name: str
    default: str
    meaning: str


SETTINGS = (
    Setting("GRIDSVC_DATABASE_URL", "", "PostGIS to use; empty = the embedded cluster that gridsvc manages itself"),
    Setting("GRIDSVC_DATABASE_ADMIN_URL", "", "used for migrations only; empty = as GRIDSVC_DATABASE_URL"),
    Setting("GRIDSVC_SESSION_URL", "",
            "for the background process, where GRIDSVC_DATABASE_URL is a pooler in transaction mode"),
    Setting("GRIDSVC_READ_URL", "", "a streaming replica of GRIDSVC_DATABASE_URL, for tiles and lists"),
    Setting("GRIDSVC_DATA", "/var/lib/gridsvc as root, else ~/.local/share/gridsvc",
            "folder of the embedded cluster, networks and indexes; two folders are two independent services"),
    Setting("GRIDSVC_BACKUPS", "`backups` in GRIDSVC_DATA",
            "folder of the daily backups; best on another disk"),
    Setting("GRIDSVC_WAL_ARCHIVE", "",
            "folder on another disk for the log and base backups of the embedded cluster: restore to any moment; "
            "empty = as before; `off` ends it"),
    Setting("GRIDSVC_VIEWER_PORT", "",
            "port, or ADDRESS:PORT, on which viewers such as QGIS reach the embedded database over TCP with a "
            "password; empty = as before, `off` ends it"),
    Setting("GRIDSVC_CORS_ORIGINS", "",
            "origins of other web pages that may read tiles and /ogc, such as https://map.example.cn; by commas"),
    Setting("GRIDSVC_ANCHOR_URL", "",
            "https address, of a machine where nobody who can write here has access, that is sent the end of the "
            "evidence each day"),
    Setting("GRIDSVC_DASK", "",
            "address of a Dask scheduler (tcp://host:8786) on whose workers service areas are drawn; empty = here"),
    Setting("GRIDSVC_GEOCODER_URL", "",
            "https address of a geocoder that is asked for addresses which the gazetteer does not know well enough; it "
            "gets what callers say of places"),
    Setting("GRIDSVC_GEOCODER_FORMAT", "tianditu", "format of its answers: `tianditu` or `nominatim`"),
    Setting("GRIDSVC_GEOCODER_KEY", "", "its key, if it wants one"),
    Setting("GRIDSVC_GEOCODER_TIMEOUT_S", "1.5", "seconds after which the answer of the gazetteer stands"),
    Setting("GRIDSVC_AUTH", "required", "`required` or `off`; off is refused on anything but a loopback address"),
    Setting("GRIDSVC_TOLERANCE_M2", "100", "overlaps, gaps and slivers up to this size do not block an activation"),
    Setting("GRIDSVC_OPEN_GAP_M", "20", "a notch of the outline between two grids that is narrower is listed as a gap"),
)  # fmt: skip


def data_folder(environment: dict[str, str]) -> Path:
    """Return the folder in which this service keeps its files."""
    if folder := environment.get("GRIDSVC_DATA"):
        return Path(folder).expanduser().absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/gridsvc")
    base = environment.get("XDG_DATA_HOME") or str(Path(environment.get("HOME", "~")).expanduser() / ".local" / "share")
    return Path(base) / "gridsvc"


@dataclass(frozen=True, slots=True)
class Settings:
    """The values of SETTINGS."""

    data: Path
    database_url: str | None = None
    database_admin_url: str | None = None
    auth: str = "required"
    environment: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, *, auth: str = "required") -> Settings:
        """Read the environment. `auth` is the entry point's default for GRIDSVC_AUTH."""
        environment = dict(os.environ)
        auth = environment.get("GRIDSVC_AUTH") or auth
        if auth not in {"required", "off"}:
            raise InvalidInput(f"GRIDSVC_AUTH is {auth!r}; set it to `required` or `off`.")
        _refuse_idle(environment)
        read_origins(environment.get("GRIDSVC_CORS_ORIGINS", ""))
        return cls(
            data=data_folder(environment),
            database_url=environment.get("GRIDSVC_DATABASE_URL") or None,
            database_admin_url=environment.get("GRIDSVC_DATABASE_ADMIN_URL") or None,
            auth=auth,
            environment=environment,
        )


def _refuse_idle(environment: dict[str, str]) -> None:
    """Refuse settings that would have no effect, since somebody relies on them (`InvalidInput`)."""
    if environment.get("GRIDSVC_DATABASE_URL"):
        if environment.get("GRIDSVC_VIEWER_PORT"):
            raise InvalidInput(
                "GRIDSVC_VIEWER_PORT is for the embedded database, and GRIDSVC_DATABASE_URL names another one. Remove "
                "it, and let viewers connect to that database."
            )
        if environment.get("GRIDSVC_WAL_ARCHIVE"):
            raise InvalidInput(
                "GRIDSVC_WAL_ARCHIVE is for the embedded database, and GRIDSVC_DATABASE_URL names another one. Remove "
                "it, and archive the log where that database runs."
            )
        return
    for name in ("GRIDSVC_READ_URL", "GRIDSVC_SESSION_URL"):
        if environment.get(name):
            raise InvalidInput(
                f"{name} goes with GRIDSVC_DATABASE_URL, which is not set: the embedded database has no replica and no "
                "pool. Remove it, or set GRIDSVC_DATABASE_URL."
            )


def open_service(
    settings: Settings, *, pool: int = 8, report: Callable[[str], None] | None = None, name: str | None = None
) -> Service:
    """Return the service of these settings: its embedded database is started and migrated first.

    `name` is what the database shows of its sessions; None: of a command.

    Raises
    ------
    Refusal
        When the given database is not migrated (`gridsvc db migrate` migrates it), or PostGIS cannot be installed.
    Unavailable
        When the database cannot be reached.
    """
    from gridsvc.db.schema.revision import HEAD, find_revision
    from gridsvc.db.session.connection import Database
    from gridsvc.db.session.replica import Replica
    from gridsvc.operations.runtime.service import Service

    if settings.database_url is not None:
        replica = None
        if read_url := settings.environment.get("GRIDSVC_READ_URL"):
            replica = Replica(Database(read_url, pool=pool, writes=False))
        database = Database(settings.database_url, pool=pool, replica=replica, name=name)
    else:
        cluster = open_cluster(settings, report)
        cluster.ensure()
        database = Database(cluster.url("app"), heal=cluster.ensure, pool=pool, name=name)
    with database.transaction() as connection:
        revision = find_revision(connection)
    if revision != HEAD:
        if settings.database_url is not None:
            raise Refusal(
                f"The database's schema is {revision or 'empty'}, this program wants {HEAD}. Run `gridsvc db migrate`.",
                kind="not-migrated",
            )
        from gridsvc.db.schema.migrate import upgrade

        cluster.prepare()
        upgrade(cluster.url("owner"))
    folder = settings.environment.get("GRIDSVC_BACKUPS")
    backups = settings.data / "backups" if not folder else Path(folder).expanduser().absolute()
    anchor_url = settings.environment.get("GRIDSVC_ANCHOR_URL") or None
    if anchor_url is not None:
        from gridsvc.operations.evidence.anchoring import check_address

        check_address(anchor_url)
    return Service(
        database,
        settings.data,
        owner_url=lambda: admin_url(settings),
        backups=backups,
        anchor_url=anchor_url,
        dask=settings.environment.get("GRIDSVC_DASK") or None,
        geocoder=_outside_geocoder(settings.environment),
    )


def _outside_geocoder(environment: dict[str, str]) -> OutsideGeocoder | None:
    """Return the outside geocoder that is set; None without an address (`InvalidInput` for what cannot be used)."""
    url = environment.get("GRIDSVC_GEOCODER_URL")
    if not url:
        return None
    from gridsvc.operations.places.outside_geocoder import check_setting
    from gridsvc.operations.runtime.service import OutsideGeocoder

    format_ = environment.get("GRIDSVC_GEOCODER_FORMAT") or "tianditu"
    check_setting(url, format_)
    given = environment.get("GRIDSVC_GEOCODER_TIMEOUT_S") or "1.5"
    try:
        timeout_s = float(given)
    except ValueError:
        timeout_s = 0.0
    if not 0.05 <= timeout_s <= 30:
        raise InvalidInput(f"GRIDSVC_GEOCODER_TIMEOUT_S is {given!r}. Set it to seconds from 0.05 to 30.")
    return OutsideGeocoder(url, format_, environment.get("GRIDSVC_GEOCODER_KEY") or None, timeout_s)


def for_sessions(settings: Settings) -> Settings:
    """Return the settings of the background process, which needs sessions of its own (`refuse_shared_sessions`)."""
    url = settings.environment.get("GRIDSVC_SESSION_URL")
    return replace(settings, database_url=url) if url and settings.database_url is not None else settings


def open_cluster(settings: Settings, report: Callable[[str], None] | None = None) -> EmbeddedCluster:
    """Return the embedded cluster of the data folder; it is not started."""
    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from gridsvc.db.cluster.viewer_port import read_port

    wanted = settings.environment.get("GRIDSVC_WAL_ARCHIVE") or None
    archive = wanted if wanted in {None, "off"} else Path(wanted).expanduser().absolute()
    viewers = settings.environment.get("GRIDSVC_VIEWER_PORT") or None
    if viewers is not None:
        read_port(viewers)  # refused before anything starts
    return EmbeddedCluster(settings.data, report=report, archive=archive, viewers=viewers)


def admin_url(settings: Settings) -> str:
    """Return the URL of the schema's owner, for migrations."""
    if settings.database_url is not None:
        return settings.database_admin_url or settings.database_url
    cluster = open_cluster(settings)
    cluster.ensure()
    return cluster.url("owner")


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent dies, also by kill -9 (Linux; elsewhere nothing).

    By SIGKILL: a process that is suspended does not act on SIGTERM, and would hold the port of the service.
    """
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    except (OSError, AttributeError):
        return


def name_process(name: str) -> None:
    """Set the name that `ps` and `top` show for this process; 15 bytes at most (Linux; elsewhere nothing)."""
    try:
        ctypes.CDLL(None).prctl(15, name.encode()[:15])  # PR_SET_NAME
    except (OSError, AttributeError):
        return
