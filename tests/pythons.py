"""`python -m tests.pythons 3.14`: print the path of a Python of that version, from the system or from Debian.

Looked for on the PATH, among pyenv's, then in Debian's other releases: the packages are unpacked in a private folder,
nothing is installed. Exit status 3, and the reason on the standard error, where there is none.

Standard library only: `./run pythons` calls it before anything of ours is installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from gridsvc.db.cluster import os_packages

RELEASES = {"3.11": "bookworm", "3.14": "forky"}
"""Debian's releases with a version that runs with the C library of Debian 13; none of them has 3.12."""

_PARTS = ("python{}-minimal", "libpython{}-minimal", "libpython{}-stdlib")
_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.pgp")


class NotAvailable(Exception):
    """There is no Python of this version here; the message says why."""


def find_python(version: str) -> Path | None:
    """Find a Python of `version` that starts: the system's own first, then on the PATH, then among pyenv's."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    on_path = [Path(folder) / name for folder in ("/usr/bin", "/usr/local/bin", *os.get_exec_path())]
    for candidate in (*on_path, *sorted(pyenv.glob(f"{version}.*/bin/{name}"), reverse=True)):
        if candidate.exists() and _works(candidate, version):
            return candidate
    return None


def get_python(version: str) -> Path:
    """Find a Python of `version`, or unpack Debian's; raises NotAvailable."""
    found = find_python(version)
    if found is not None:
        return found
    unpacked = os_packages.private_folder() / f"python{version}"
    program = unpacked / "usr" / "bin" / f"python{version}"
    if not program.exists():
        _unpack(version, unpacked)
    if not _works(program, version):
        raise NotAvailable(f"Debian's Python {version} does not start on this system")
    return program


def _works(program: Path, version: str) -> bool:
    code = "import ctypes, sqlite3, ssl, venv, sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([program, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() == version


def _unpack(version: str, prefix: Path) -> None:
    release, archive = RELEASES.get(version), _debian_archive()
    if release is None or archive is None or not os_packages.have_apt():
        raise NotAvailable(f"no Python {version} on the PATH or in pyenv, and no Debian release to take it from")
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"python{version}.", dir=prefix.parent) as folder:
        work = Path(folder)
        for name in ("lists/partial", "cache/archives/partial", "sources", "debs"):
            (work / name).mkdir(parents=True)
        (work / "sources" / f"{release}.sources").write_text(
            f"Types: deb\nURIs: {archive}\nSuites: {release}\nComponents: main\nSigned-By: {_KEYS}\n", encoding="utf-8"
        )
        options = [
            "-o", f"Dir::State={work}", "-o", f"Dir::Cache={work / 'cache'}", "-o", "Dir::State::status=/dev/null",
            "-o", "Dir::Etc::sourcelist=/dev/null", "-o", f"Dir::Etc::sourceparts={work / 'sources'}",
            "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=", "-o", "Acquire::Languages=none",
        ]  # fmt: skip
        _run("apt-get", *options, "update")
        _run("apt-get", *options, "download", *(part.format(version) for part in _PARTS), folder=work / "debs")
        for package in sorted((work / "debs").glob("*.deb")):
            _run("dpkg-deb", "-x", str(package), str(work / "tree"))
        shutil.rmtree(prefix, ignore_errors=True)
        (work / "tree").rename(prefix)


def _debian_archive() -> str | None:
    """Return the address of the mirror from which this system takes Debian's own packages."""
    words = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"]
    if shutil.which(words[0]) is None:
        return None
    listed = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    found = re.findall(r"^Debian main (\S*/debian/?)$", listed, re.MULTILINE)
    return found[0] if found else None


def _run(*words: str, folder: Path | None = None) -> None:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise NotAvailable(f"`{words[0]}` failed: {lines[-1] if lines else done.returncode}")


def main(versions: list[str]) -> int:
    """Print the path of the Python."""
    try:
        sys.stdout.write(f"{get_python(versions[0])}\n")
    except NotAvailable as missing:
        sys.stderr.write(f"{missing}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
