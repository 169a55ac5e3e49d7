"""The PostgreSQL with PostGIS that the embedded cluster runs on: found, installed, unpacked, or explained.

Standard library only, and `gridsvc/db/__init__.py` stays empty: the set-up runs
`python -m gridsvc.db.cluster.postgis` while the Python packages are still being installed.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from gridsvc.db.cluster import os_packages
from gridsvc.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

_PACKAGE = r"^postgresql-[0-9]+-postgis-3$"
# libllvm serves only jit (off), libgdal only rasters, the rest only Debian's own clusters: 80 of 120 packages.
_NOT_NEEDED = r"^(libllvm\d+|libgdal\d+|ssl-cert|postgresql-common.*|postgresql-client-common|perl.*|libperl.*|tzdata)$"
_CREATECLUSTER = Path("/etc/postgresql-common/createcluster.d/gridsvc.conf")


@dataclass(frozen=True, slots=True)
class PostGIS:
    """A PostgreSQL server that has PostGIS: its major version, its programs, and the environment that they need."""

    major: int
    programs: Path
    environment: dict[str, str] = field(default_factory=dict)


def find_postgis(major: int | None = None, *, system: Path = Path("/")) -> PostGIS | None:
    """Find the newest PostgreSQL with PostGIS, or that of the given major version.

    Looks in the versioned folders under `system` and in the user's private folder, never on PATH: what is on PATH
    may be another major version, or lack PostGIS.
    """
    found = [*_list_debian(system / "usr", {}), *_list_red_hat(system / "usr")]
    for private in os_packages.private_folder().glob("postgis-[0-9]*"):
        found += _list_debian(private / "usr", os_packages.environment_of(private))
    fitting = [one for one in found if major is None or one.major == major]
    return max(fitting, key=lambda one: (one.major, not one.environment), default=None)


def get_postgis(
    major: int | None = None,
    *,
    system: Path = Path("/"),
    report: os_packages.Report = lambda _line: None,
    also: Sequence[str] = (),
) -> PostGIS:
    """Find PostGIS as `find_postgis` does, or install or unpack it; raises Refusal with the line to type.

    `also` names packages that root installs in the same breath, where PostGIS is there or not.
    """
    found = find_postgis(major, system=system)
    if found is not None and not also:
        return found
    if not os_packages.have_apt():
        if found is not None:
            return found
        raise Refusal(_cure(major, "This system has no apt to fetch it with."), kind="no-postgis")
    why = "The package manager does not have it."
    try:
        if os_packages.administrator() is not None:
            _install(major, [] if found is not None else [_PACKAGE], also, report)
        elif found is None:
            _unpack(major, report)
    except os_packages.PackagesFailed as failed:
        why = failed.detail
    found = find_postgis(major, system=system)
    if found is None:
        raise Refusal(_cure(major, why), kind="no-postgis")
    return found


def _install(major: int | None, wanted: list[str], also: Sequence[str], report: os_packages.Report) -> None:
    name = None
    if wanted:
        name = _newest_name(major)
        if name is None:
            complaint = os_packages.update(report)
            name = _newest_name(major)
            if name is None and complaint:
                raise os_packages.PackagesFailed(f"The package lists could not be fetched.\n{complaint}")
    if name is not None and not _CREATECLUSTER.exists():
        # Else Debian makes and starts a cluster of its own with the server's package.
        os_packages.write_as_administrator(_CREATECLUSTER, "create_main_cluster = false\n")
    packages = [*([name] if name is not None else []), *also]
    if packages:
        os_packages.install(packages, report)


def _unpack(major: int | None, report: os_packages.Report) -> None:
    options = os_packages.private_options(report, _PACKAGE)
    name = _newest_name(major, options)
    if name is not None:
        prefix = os_packages.private_folder() / f"postgis-{_major_of(name)}"
        os_packages.unpack(
            [name],
            prefix,
            options=options,
            reinstall="^postgresql",
            without=_NOT_NEEDED,
            report=report,
            finish=_link_control_files,
        )


def _link_control_files(tree: Path) -> None:
    # Debian's script makes postgis.control an alternative that points to postgis-3.control.
    for folder in (tree / "usr" / "share" / "postgresql").glob("[0-9]*/extension"):
        for control in folder.glob("postgis*-3.control"):
            link = folder / control.name.replace("-3.control", ".control")
            link.unlink(missing_ok=True)
            link.symlink_to(control.name)


def _newest_name(major: int | None, options: Sequence[str] = ()) -> str | None:
    names = {_major_of(name): name for name in os_packages.list_names(_PACKAGE, options)}
    if major is not None:
        return names.get(major)
    return names[max(names)] if names else None


def _major_of(name: str) -> int:
    return int(name.split("-")[1])


def _list_debian(usr: Path, environment: dict[str, str]) -> list[PostGIS]:
    return [
        PostGIS(int(folder.name), folder / "bin", environment)
        for folder in (usr / "lib" / "postgresql").glob("[0-9]*")
        if (folder / "bin" / "postgres").exists()
        and (usr / "share" / "postgresql" / folder.name / "extension" / "postgis.control").exists()
    ]


def _list_red_hat(usr: Path) -> list[PostGIS]:
    return [
        PostGIS(int(folder.name.removeprefix("pgsql-")), folder / "bin")
        for folder in usr.glob("pgsql-[0-9]*")
        if (folder / "bin" / "postgres").exists() and (folder / "share" / "extension" / "postgis.control").exists()
    ]


def _cure(major: int | None, why: str) -> str:
    package = f"postgresql-{major or 'N'}-postgis-3"
    wanted = f"PostgreSQL {major} with PostGIS, which made the existing data," if major else "PostgreSQL with PostGIS"
    return (
        f"{wanted} is not on this machine and could not be fetched. {why}\n"
        f"Type: apt-get install --no-install-recommends {package}{'' if major else '   (the newest N there is)'}\n"
        "or:   docker compose -f docker/compose.yaml up postgis   and set GRIDSVC_DATABASE_URL as that file says"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Have PostGIS, and print the folder of its programs: the set-up's entry point."""
    parser = argparse.ArgumentParser(prog="python -m gridsvc.db.cluster.postgis", description=main.__doc__)
    parser.add_argument("--also", action="append", default=[], help="a package that root installs with it")
    parser.add_argument("--system", type=Path, default=Path("/"), help="look for installed ones under this root")
    words = parser.parse_args(arguments)
    try:
        found = get_postgis(system=words.system, also=words.also, report=lambda line: _say(sys.stderr, line))
    except Refusal as refusal:
        _say(sys.stderr, refusal.detail)
        return 3
    except OSError as error:
        _say(sys.stderr, f"PostGIS could not be set up: {error}. Cure that, or see the line for apt-get in README.md.")
        return 3
    _say(sys.stdout, str(found.programs))
    return 0


def _say(stream: TextIO, line: str) -> None:
    stream.write(line + "\n")
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
