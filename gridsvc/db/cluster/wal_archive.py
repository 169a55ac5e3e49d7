"""The archive of the embedded cluster: its write-ahead log (WAL) in segments, and base backups to start from.

::

    ARCHIVE/cluster            system identifier of the one cluster that may write here
    ARCHIVE/wal/SEGMENT.gz     a segment of 16 MiB, also .history and .backup files of PostgreSQL
    ARCHIVE/base/TIME/         a base backup: about.json, backup_manifest, base.tar.gz

PostgreSQL runs a script for each full segment, and at least once a minute where something was written. A segment has
its name only when it is whole and on the disk, and no file is ever replaced by another one (PostgreSQL manual, 25.3).
"""

from __future__ import annotations

import gzip
import re
import shlex
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from gridsvc.db.cluster import folders
from gridsvc.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gridsvc.db.cluster.folders import ServerUser

OFF = "off"
"""In place of a folder: ends the archiving of a cluster."""

_REMEMBERED = "wal-archive"
_ARCHIVE_SCRIPT = "archive-wal.sh"
_RESTORE_SCRIPT = "restore-wal.sh"
_SEGMENT = re.compile(r"([0-9A-F]{24})\.gz")
_FOLDER_MODE = 0o700

_ARCHIVE = """\
#!/bin/sh
# Written by gridsvc at each start of the server. Stores the file $1 of the write-ahead log under the name $2.
set -eu
umask 077
target={wal}/"$2".gz
if [ -e "$target" ]; then
    # Stored before, and the server was killed before it noted that.
    if gzip -dc "$target" | cmp -s - "$1"; then exit 0; fi
    echo "gridsvc: $target exists already with other content. Two clusters must not share an archive." >&2
    exit 1
fi
draft="$target".new
gzip -1 -n -c "$1" >"$draft"
sync "$draft"
ln "$draft" "$target"
rm -f "$draft"
sync {wal}
"""

_RESTORE = """\
#!/bin/sh
# Written by gridsvc for a recovery. Copies the file $1 of the archive to $2; 1: there is none; 130: it is damaged.
set -eu
source={wal}/"$1".gz
[ -e "$source" ] || exit 1
gzip -dc "$source" >"$2" || exit 130
"""


def remembered(home: Path) -> Path | None:
    """Return the archive that a cluster writes to; None where it archives nothing."""
    try:
        text = (home / _REMEMBERED).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    return Path(text) if text else None


def choose(home: Path, wanted: Path | str | None) -> Path | None:
    """Return the archive of a cluster, and remember it.

    A process whose environment names none (`wanted` None) must not end the archiving when it starts the server. So the
    folder is a fact of the cluster; only OFF ends it.
    """
    known = remembered(home)
    if wanted is None:
        return known
    chosen = None if wanted == OFF else Path(wanted)
    if chosen != known:
        draft = home / f"{_REMEMBERED}.new"
        draft.write_text("" if chosen is None else str(chosen), encoding="utf-8")
        draft.replace(home / _REMEMBERED)
    return chosen


def prepare(archive: Path, server: ServerUser, system_identifier: int) -> None:
    """Make the folders of an archive for the server's user alone.

    Raises
    ------
    Refusal
        Where another cluster writes there, or the server's user cannot enter the folder.
    OSError
        Where it cannot be made.
    """
    for folder in (archive, archive / "wal", archive / "base"):
        if not folder.exists():
            folder.mkdir(parents=True, mode=_FOLDER_MODE)
            folders.give(folder, server)
    folders.refuse_unreachable(server, archive / "wal")
    owner = archive / "cluster"
    if not owner.exists():
        owner.write_text(f"{system_identifier}\n", encoding="ascii")
        owner.chmod(0o600)
        folders.give(owner, server)
    elif (found := owner.read_text(encoding="ascii").strip()) != str(system_identifier):
        raise Refusal(
            f"{archive} is the archive of another database (system identifier {found}). "
            "Set GRIDSVC_WAL_ARCHIVE to a folder of its own for each data folder.",
            kind="archive-of-another",
        )


def write_archive_script(home: Path, archive: Path) -> Path:
    """Write the script that the server runs for each segment, and return it."""
    return _write_script(home / _ARCHIVE_SCRIPT, _ARCHIVE, archive)


def write_restore_script(home: Path, archive: Path) -> Path:
    """Write the script that a recovery runs for each segment, and return it."""
    return _write_script(home / _RESTORE_SCRIPT, _RESTORE, archive)


def _write_script(script: Path, text: str, archive: Path) -> Path:
    draft = script.with_suffix(".new")
    draft.write_text(text.replace("{wal}", shlex.quote(str(archive / "wal"))), encoding="utf-8")
    draft.chmod(0o644)
    draft.replace(script)
    return script


def command(script: Path, *arguments: str) -> str:
    """Return the command line of a script for a setting of PostgreSQL; `%` has a meaning there."""
    return f"/bin/sh {shlex.quote(str(script)).replace('%', '%%')} " + " ".join(f'"{each}"' for each in arguments)


def system_identifier(data: Path) -> int:
    """Return the number that a cluster has from its creation; a recovered one has the same."""
    number: int
    (number,) = struct.unpack("<Q", (data / "global" / "pg_control").read_bytes()[:8])
    return number


def list_segments(archive: Path) -> list[str]:
    """List the names of the archived segments (timeline and position, 24 hexadecimal digits), in the order of both."""
    try:
        names = sorted(entry.name for entry in (archive / "wal").iterdir())
    except FileNotFoundError:
        return []
    return [found[1] for name in names if (found := _SEGMENT.fullmatch(name)) is not None]


def find_gap(segments: Iterable[str], start: str) -> str | None:
    """Return the first position from `start` on (16 hexadecimal digits) that is missing while a later one is there.

    Segments of all timelines count: a timeline continues the positions of the one that it branches from.
    """
    positions = sorted({position_of(name) for name in segments if position_of(name) >= position_of(start)})
    for wanted, found in enumerate(positions, position_of(start)):
        if wanted != found:
            return f"{wanted >> 8:08X}{wanted & 0xFF:08X}"
    return None


def position_of(segment: str) -> int:
    """Return the number of a segment of 16 MiB, counted from the beginning of the log."""
    return int(segment[8:16], 16) << 8 | int(segment[16:24], 16)


def newest_timeline(archive: Path) -> int:
    """Return the newest timeline of the archive; each recovery starts one, and writes its history."""
    found = [int(file.name[:8], 16) for file in (archive / "wal").glob("*.history.gz")]
    return max(found, default=1)


def read_history(archive: Path, timeline: int) -> dict[int, int]:
    """Return the timelines that a timeline continues, each with the position (bytes of log) where it was left."""
    file = archive / "wal" / f"{timeline:08X}.history.gz"
    if not file.exists():
        return {}
    lines = [line.split() for line in gzip.decompress(file.read_bytes()).decode().splitlines()]
    return {int(words[0]): position_of_lsn(words[1]) for words in lines if words and words[0].isdigit()}


def position_of_lsn(lsn: str) -> int:
    """Return a log sequence number, such as 0/3000028, as bytes from the beginning of the log."""
    high, low = (int(half, 16) for half in lsn.split("/"))
    return high << 32 | low


def prune(archive: Path, oldest: str) -> int:
    """Remove the segments before `oldest`, which no base backup needs; return how many. Histories of timelines stay."""
    removed = 0
    for name in list_segments(archive):
        if position_of(name) < position_of(oldest):
            (archive / "wal" / f"{name}.gz").unlink(missing_ok=True)
            removed += 1
    for notes in (archive / "wal").glob("*.backup.gz"):
        if position_of(notes.name) < position_of(oldest):
            notes.unlink(missing_ok=True)
    return removed
