"""Programs from the operating system's package manager (apt): installed, or unpacked where one may not install.

Standard library only: the set-up runs this before anything of ours is installed.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from gridsvc.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Report = Callable[[str], None]
"""Is called with one line of text for every step that takes more than a moment."""

_SBIN = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LOCK_WAIT_S = 300


class PackagesFailed(Refusal):
    """The package manager said no; the message ends with its own words."""

    kind = "packages-failed"


def have_apt() -> bool:
    """Whether this system's packages come from apt."""
    return _which("apt-get") is not None and _which("dpkg-deb") is not None


def administrator() -> list[str] | None:
    """Words to put before a command so that it runs as root without asking; None where that cannot be."""
    if os.geteuid() == 0:
        return []
    sudo = _which("sudo")
    if sudo and _run([sudo, "-n", "true"]).returncode == 0:
        return [sudo, "-n"]
    return None


def private_folder() -> Path:
    """Return the folder of an ordinary user's unpacked programs: one for each user, shared by all data folders."""
    return Path.home() / ".local" / "share" / "gridsvc-packages"


def list_names(pattern: str, options: Sequence[str] = ()) -> list[str]:
    """Package names that apt knows and that match the regular expression; empty before a first update."""
    found = _run(["apt-cache", *options, "search", "--names-only", pattern]).stdout
    return [line.split(" ", 1)[0] for line in found.splitlines() if line]


def install(packages: Sequence[str], report: Report) -> None:
    """Install packages as root, without recommended ones; raises PackagesFailed."""
    before = administrator()
    if before is None:
        raise PackagesFailed(f"Only root may install. Type: sudo apt-get install {' '.join(packages)}")
    # Another `apt-get update` or an image's clean-up hook may empty the usual archive folder under our feet.
    archives = Path(tempfile.mkdtemp(prefix="gridsvc-apt-"))
    archives.chmod(0o755)
    (archives / "partial").mkdir()
    words = [
        *before,
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "LC_ALL=C.UTF-8",
        f"PATH={_SBIN}",
        "apt-get",
        "install",
        "--yes",
        "--no-install-recommends",
        "-o",
        f"DPkg::Lock::Timeout={_LOCK_WAIT_S}",
        "-o",
        f"Dir::Cache::archives={archives}",
        "-o",
        "Dpkg::Options::=--force-confold",
        "-o",
        "Dpkg::Options::=--force-unsafe-io",
        "-o",
        "Dpkg::Use-Pty=0",
        *packages,
    ]
    try:
        report(f"installing {', '.join(packages)}")
        done = _run(words)
        if done.returncode != 0:
            update(report)
            done = _run(words)
    finally:
        _run([*before, "rm", "-rf", str(archives)])  # apt gives parts of it to a user of its own
    if done.returncode != 0:
        raise PackagesFailed(
            f"Installing failed. Type: apt-get update && apt-get install {' '.join(packages)}\n{_tail(done)}"
        )


def write_as_administrator(path: Path, text: str) -> None:
    """Write a file of the system's configuration."""
    before = administrator() or []
    _run([*before, "mkdir", "-p", str(path.parent)])
    _run([*before, "tee", str(path)], text=text)


def update(report: Report) -> str:
    """Fetch the package lists as root; what went wrong in the package manager's words, or nothing."""
    report("fetching the package lists")
    before = administrator() or []
    words = ["env", f"PATH={_SBIN}", "apt-get", "update", "-o", f"DPkg::Lock::Timeout={_LOCK_WAIT_S}"]
    return _complaint(_run([*before, *words]))


def private_options(report: Report, pattern: str) -> list[str]:
    """Options that let an ordinary user run apt in their own folders.

    The system's package lists are used where they know a name that matches `pattern`, else own lists are fetched.
    Raises PackagesFailed where that fails.
    """
    own = private_folder() / "apt"
    for name in ("lists/partial", "archives/partial", "cache"):
        (own / name).mkdir(parents=True, exist_ok=True)
    options = [
        "-o",
        f"Dir::State={own}",
        "-o",
        "Dir::State::status=/var/lib/dpkg/status",
        "-o",
        f"Dir::Cache={own / 'cache'}",
        "-o",
        f"Dir::Cache::archives={own / 'archives'}",
        "-o",
        f"Dir::Log={own}",
        "-o",
        "Debug::NoLocking=1",
        "-o",
        "Acquire::Languages=none",
    ]
    systems_lists = [*options, "-o", "Dir::State::lists=/var/lib/apt/lists"]
    own_lists = [*options, "-o", f"Dir::State::lists={own / 'lists'}"]
    if list_names(pattern, systems_lists):
        return systems_lists
    if not list_names(pattern, own_lists):
        report("fetching the package lists")
        complaint = _complaint(_run(["apt-get", *own_lists, "update"]))
        if complaint and not list_names(pattern, own_lists):
            raise PackagesFailed(f"The package lists could not be fetched.\n{complaint}")
    return own_lists


def unpack(
    packages: Sequence[str],
    prefix: Path,
    *,
    options: Sequence[str],
    reinstall: str = "^$",
    without: str = "^$",
    report: Report,
    finish: Callable[[Path], None] = lambda _tree: None,
) -> None:
    """Unpack packages, and all that they need and the system lacks, under `prefix`; no root, nothing installed.

    `reinstall` and `without` are regular expressions of package names. Those of `reinstall` are unpacked even if the
    system has them, since they only work side by side; those of `without` are left out, with what only they need.
    `options` come from `private_options`. `finish` does in the tree what the packages' scripts would have done.
    `prefix` appears whole or not at all. Raises PackagesFailed.
    """
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with locked(prefix.with_name(prefix.name + ".lock")):
        if prefix.exists():
            return
        with tempfile.TemporaryDirectory(prefix=prefix.name + ".", dir=prefix.parent) as folder:
            work = Path(folder)
            archives = work / "archives"
            (archives / "partial").mkdir(parents=True)
            wanted = ["install", "--yes", "--no-install-recommends", *packages]
            status_options = _options_of_status(
                wanted, options, reinstall=reinstall, without=without, status=work / "status"
            )
            words = ["apt-get", *options, *status_options, "-o", f"Dir::Cache::archives={archives}"]
            report(f"fetching {', '.join(packages)} and what they need")
            done = _run([*words, "--download-only", *wanted])
            if done.returncode != 0:
                raise PackagesFailed(f"{', '.join(packages)} could not be fetched.\n{_tail(done)}")
            tree = work / "tree"
            tree.mkdir()
            for archive in [*sorted(archives.glob("*.deb")), *_list_local([*words, "--print-uris", *wanted])]:
                done = _run(["dpkg-deb", "-x", str(archive), str(tree)])
                if done.returncode != 0:
                    raise PackagesFailed(f"{archive.name} could not be unpacked.\n{_tail(done)}")
            finish(tree)
            tree.rename(prefix)


def environment_of(prefix: Path) -> dict[str, str]:
    """Environment in which a program unpacked under `prefix` finds its libraries and its data."""
    folders = [
        folder
        for base in (prefix / "usr" / "lib", prefix / "lib")
        if base.is_dir()
        for folder in (base, *base.glob("*-linux-gnu*"), *base.glob("*-linux-gnu*/*"))
        if folder.is_dir() and any(folder.glob("*.so*"))
    ]
    values = {"LD_LIBRARY_PATH": ":".join(map(str, folders))}
    for name, data in (("PROJ_DATA", "usr/share/proj"), ("GDAL_DATA", "usr/share/gdal")):
        if (prefix / data).is_dir():
            values[name] = str(prefix / data)
    return values


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file as a lock among processes; a lock dies with its process."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _list_local(words: Sequence[str]) -> list[Path]:
    """List the archives of sources on the disk: apt uses them in place."""
    return [Path(unquote(found)) for found in re.findall(r"^'file:(?://)?(/[^']+)'", _run(words).stdout, re.MULTILINE)]


def _options_of_status(
    wanted: Sequence[str], options: Sequence[str], *, reinstall: str, without: str, status: Path
) -> list[str]:
    """Options with a status in which what matches `reinstall` is not installed and what matches `without` is."""
    status_file = [Path(word.partition("=")[2]) for word in options if word.startswith("Dir::State::status=")][-1]
    stanzas = _forget(status_file.read_text(encoding="utf-8", errors="replace").split("\n\n"), reinstall)
    status.write_text("".join(stanza.strip("\n") + "\n\n" for stanza in stanzas), encoding="utf-8")
    result = ["-o", f"Dir::State::status={status}"]
    plan = _run(["apt-get", *options, *result, "--simulate", *wanted]).stdout
    architecture = _run(["dpkg", "--print-architecture"]).stdout.strip()
    with status.open("a", encoding="utf-8") as file:
        for name, version in re.findall(r"^Inst (\S+) (?:\[\S+\] )?\((\S+)", plan, re.MULTILINE):
            if re.search(without, name):
                file.write(
                    f"Package: {name.split(':')[0]}\nStatus: install ok installed\nMaintainer: gridsvc\n"
                    f"Architecture: {architecture}\nMulti-Arch: same\nVersion: {version}\nDescription: left out\n\n"
                )
    return result


def _forget(stanzas: Iterable[str], reinstall: str) -> list[str]:
    """Drop the packages that match, and those that need a dropped one: apt refuses a status with gaps."""
    needs: dict[str, tuple[str, set[str]]] = {}
    for stanza in stanzas:
        name = re.search(r"^Package: (\S+)", stanza, re.MULTILINE)
        if name is not None:
            depends = re.findall(r"^(?:Pre-)?Depends: (.*)", stanza, re.MULTILINE)
            words = re.split(r"[,|]", ",".join(depends))
            # One name may be there twice, for two architectures.
            key = name[1] + (re.findall(r"^Architecture: (\S+)", stanza, re.MULTILINE) or [""])[0]
            needs[key] = (stanza, {name[1], *(word.strip().split(" ")[0].split(":")[0] for word in words)})
    gone: set[str] = set()
    while dropped := [
        key for key, (_, names) in needs.items() if any(re.search(reinstall, name) for name in names) or names & gone
    ]:
        for key in dropped:
            stanza, _ = needs.pop(key)
            gone.add(re.findall(r"^Package: (\S+)", stanza, re.MULTILINE)[0])
    return [stanza for stanza, _ in needs.values()]


def _which(name: str) -> str | None:
    return shutil.which(name, path=_SBIN)


def _run(words: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        env={**os.environ, "LC_ALL": "C.UTF-8", "PATH": _SBIN},
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if words[0] != "apt-cache" else subprocess.DEVNULL,
        text=True,
        errors="replace",
        check=False,
    )


def _complaint(done: subprocess.CompletedProcess[str]) -> str:
    """Errors and warnings of an apt-get update, which exits 0 also where some lists could not be had."""
    lines = [line for line in done.stdout.splitlines() if line.startswith(("E:", "W:", "Err:"))]
    return "\n".join("  " + line for line in lines[:6])


def _tail(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    return "\n".join("  " + line for line in lines[-6:])
