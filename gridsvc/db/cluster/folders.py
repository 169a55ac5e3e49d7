"""Folders of the embedded cluster: whose they are, who can enter them, and one short enough for its socket."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridsvc.db.cluster.processes import PORT
from gridsvc.errors import Refusal

_SOCKET_PATH_BYTES = 107
_SOCKETS = "socket"
_SERVER_USERS = ("postgres", "gridsvc", "nobody")


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The user that the server runs as; `other` where that is not us: PostgreSQL refuses to run as root."""

    uid: int
    gid: int
    name: str
    other: bool

    def of_process(self, environment: dict[str, str]) -> dict[str, Any]:
        """Arguments for subprocess: this user, and a clean environment with `environment` added."""
        values: dict[str, Any] = {
            "env": {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent", **environment},
            "stdin": subprocess.DEVNULL,
        }
        if self.other:
            values |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return values


def prepare(folder: Path, home: Path) -> ServerUser:
    """Make the data folder and the cluster's home in it where missing; refuse one that the server cannot use."""
    if not folder.exists():
        folder.mkdir(parents=True, mode=0o700)
    if not home.exists():
        user = _new_server_user(folder)
        try:
            home.mkdir(mode=0o700)
        except FileExistsError:
            pass  # another process came first
        else:
            if user.other:
                os.chown(home, user.uid, user.gid)
    server = _user_of(home)
    if server.uid == 0:
        # Made by root, and its owner not yet given: killed in between, or by hand.
        server = _new_server_user(folder)
        os.chown(home, server.uid, server.gid)
    if server.other and os.geteuid() != 0:
        raise Refusal(
            f"{home} belongs to the user {server.name}. Run as {server.name} or root, "
            "or set GRIDSVC_DATA to a folder of yours."
        )
    if server.other:
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)  # the data folder is ours to open; those above it are not
    refuse_unreachable(server, home)
    return server


def refuse_unreachable(server: ServerUser, path: Path) -> None:
    """Refuse a folder that the server's user cannot enter, naming the one that is closed and the cure."""
    if not server.other:
        return
    chain = [*reversed(path.resolve().parents), path.resolve()]
    test = 'for folder; do if ! [ -x "$folder" ]; then echo "$folder"; exit 1; fi; done'
    done = subprocess.run(
        ["/bin/sh", "-c", test, "sh", *chain],
        **server.of_process({}),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        closed = done.stdout.strip()
        raise Refusal(
            f"The database runs as the user {server.name}, which cannot enter {closed}. "
            f"Type: chmod o+x '{closed}'   or set GRIDSVC_DATA to a folder that {server.name} can reach.",
            kind="unreachable-folder",
        )


def list_socket_folders(home: Path) -> list[Path]:
    """List possible folders of the socket, best first: in the cluster's home, else a short one named after it.

    A socket's path has at most 107 bytes, and libpq takes a comma for a second host.
    """
    inside = home / _SOCKETS
    if len(os.fsencode(inside / f".s.PGSQL.{PORT}")) <= _SOCKET_PATH_BYTES and "," not in str(inside):
        return [inside]
    name = _short_name(home)
    uid = os.geteuid()
    bases = [Path("/run") if uid == 0 else Path(f"/run/user/{uid}"), Path("/tmp")]  # noqa: S108 - `make_socket_folder` checks
    return [base / name for base in bases if os.access(base, os.W_OK | os.X_OK)]


def is_socket_folder(folder: Path, home: Path) -> bool:
    """Whether a folder is where the server of `home` has its socket, also by another path to it.

    It is not where the data folder was moved, or copied with the notes of a server of the original.
    """
    return folder.resolve() == (home / _SOCKETS).resolve() or folder.name == _short_name(home)


def has_socket(folder: Path, port: int = PORT) -> bool:
    """Whether a server's socket is in a folder."""
    return (folder / f".s.PGSQL.{port}").exists()


def clear_sockets(home: Path) -> None:
    """Remove what a server that ended has left in the folder of the socket, because its folder had another path."""
    for left in (home / _SOCKETS).glob(".s.PGSQL.*"):
        left.unlink()


def _short_name(home: Path) -> str:
    return "gridsvc-" + hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]


def make_socket_folder(home: Path, server: ServerUser) -> Path:
    """Make the folder of the socket, for the server's user alone; one that is another's is not trusted."""
    for folder in list_socket_folders(home):
        try:
            folder.mkdir(mode=0o700)
            if server.other:
                os.chown(folder, server.uid, server.gid)
        except FileExistsError:
            pass
        seen = folder.lstat()
        if stat.S_ISDIR(seen.st_mode) and seen.st_uid == server.uid and not seen.st_mode & 0o077:
            return folder
    raise Refusal(
        f"The path of the data folder {home.parent} is too long for a socket, and no short folder could be made "
        "under /run or /tmp. Set GRIDSVC_DATA to a shorter path (at most 75 bytes)."
    )


def give(path: Path, server: ServerUser) -> None:
    """Let a file or folder that was just made belong to the server's user."""
    if server.other:
        os.chown(path, server.uid, server.gid)


def remove(folder: Path) -> None:
    """Remove a folder with all in it, if it is there."""
    shutil.rmtree(folder, ignore_errors=False) if folder.exists() else None


def _new_server_user(folder: Path) -> ServerUser:
    uid = os.geteuid()
    if uid != 0:
        return ServerUser(uid, os.getegid(), _name_of(uid), other=False)
    for name in _SERVER_USERS:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(found.pw_uid, found.pw_gid, name, other=True)
    raise Refusal(
        f"PostgreSQL does not run as root, and there is no other user for it in {folder}. "
        "Type: useradd --system gridsvc"
    )


def _user_of(home: Path) -> ServerUser:
    seen = home.stat()
    return ServerUser(seen.st_uid, seen.st_gid, _name_of(seen.st_uid), other=seen.st_uid != os.geteuid())


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
