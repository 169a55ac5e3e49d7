"""The root command: which command is defined in which module, and how an error reaches the person who typed it."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import NoReturn

import click

from gridsvc import __version__
from gridsvc.cli.groups import LazyGroup, Word
from gridsvc.errors import GridsvcError, InvalidInput, Refusal, Unavailable

WORDS = {
    "demo": Word("gridsvc.cli.demo", "demo", "Build the demo district, or a real place from an OSM file, and serve it"),
    "serve": Word("gridsvc.cli.service", "serve", "Serve the HTTP API and the command screen"),
    "work": Word("gridsvc.cli.service", "work", "Run the background process (serve starts one itself)"),
    "db": Word("gridsvc.cli.database", "db", "The database: up, down, url, migrate, backup, restore"),
    "load": Word("gridsvc.cli.load", "load", "Load grids, roads, teams, catalogue, run cards, addresses"),
    "grids": Word("gridsvc.cli.grids", "grids", "Boundaries: list, check, activate, rollback, diff, history, export"),
    "districts": Word("gridsvc.cli.districts", "districts", "Districts: list, remove one that was made by mistake"),
    "locate": Word("gridsvc.cli.locate", "locate", "Find the owner of a place, or of each place in a file"),
    "geocode": Word("gridsvc.cli.geocode", "geocode", "Find the place that an address means, or of each row of a file"),
    "addresses": Word("gridsvc.cli.geocode", "addresses", "Names learned from cases: list, learn, forget"),
    "incidents": Word("gridsvc.cli.incidents", "incidents", "Cases: list, show, report, step"),
    "recommend": Word(
        "gridsvc.cli.recommend", "recommend", "Show which lawful team would go, and whether it is in time"
    ),
    "teams": Word("gridsvc.cli.teams", "teams", "Teams: list them, put them on or off duty"),
    "travel-times": Word("gridsvc.cli.roads", "travel_times", "Travel times between two files of places"),
    "isochrone": Word("gridsvc.cli.roads", "isochrone", "The area within some minutes of a place"),
    "closures": Word("gridsvc.cli.closures", "closures", "Closed or slow roads: list, add, remove"),
    "roads": Word("gridsvc.cli.calibration", "roads", "Calibrate travel times; write the service areas of teams"),
    "cover": Word("gridsvc.cli.cover", "cover", "Who is covered now; plans of where teams should stand"),
    "simulate": Word(
        "gridsvc.cli.simulate", "simulate", "The posts of today against those of plans, over the same calls"
    ),
    "jobs": Word("gridsvc.cli.jobs", "jobs", "Jobs of the background process: list, run, watch, cancel"),
    "compliance": Word("gridsvc.cli.compliance", "compliance", "Did responses make their targets, honestly counted"),
    "keys": Word("gridsvc.cli.keys", "keys", "Keys of persons: add, list, revoke, pair a device"),
    "erase": Word("gridsvc.cli.keys", "erase", "Erase what is stored about a person; the chain of events stays whole"),
    "audit": Word("gridsvc.cli.audit", "audit", "Prove that no event was changed; replay a recommendation"),
    "doctor": Word("gridsvc.cli.service", "doctor", "Show what is set up, what is not, and the cure"),
    "bench": Word("gridsvc.cli.bench", "bench", "Measure, beside the tools that you would use instead"),
}

_CANCELLED, _INTERNAL, _PIPE_CLOSED = 130, 70, 1
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Root(LazyGroup):
    """All commands."""

    words = WORDS


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="gridsvc")
def root() -> None:
    """Geospatial command of law enforcement and emergencies.

    Who owns this incident? Which lawful team goes, and is it in time? Every command that answers takes --json.
    Exit codes: 0 done, 2 wrong usage, 3 refused (the reason is on stderr).
    """


def run(words: list[str] | None = None) -> NoReturn:
    """Run the command line and exit; an error is written to stderr as one sentence, never as a traceback."""
    _accept_any_text()
    try:
        code = root.main(args=words or _typed_words(), prog_name="gridsvc", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - the last caller: each error becomes a sentence and a code
        code = _exit_code(error)
    _close_stdout()
    sys.exit(code if isinstance(code, int) else 0)


def _exit_code(error: BaseException) -> int:
    """Write an error to stderr; return the exit code."""
    match error:
        case SystemExit():
            return error.code if isinstance(error.code, int) else 1
        case click.exceptions.Abort() | KeyboardInterrupt():
            click.echo("Stopped.", err=True)
            return _CANCELLED
        case click.ClickException():
            error.show()
            return 2
        case BrokenPipeError():
            return _PIPE_CLOSED
    refusal = error if isinstance(error, Refusal | Unavailable) else _refusal_of(error)
    if refusal is None:
        _write("Error", GridsvcError(_internal(error)))
        return _INTERNAL
    _write("Not now" if isinstance(refusal, Unavailable) else "Refused", refusal)
    return 3


def _refusal_of(error: BaseException) -> Refusal | None:
    """Return what the caller can do about an error of the machine or of a file; None where it is a defect of ours."""
    if isinstance(error, OSError):
        where = f"{error.filename}: " if isinstance(error.filename, str | os.PathLike) else ""
        if error.errno in _DISK_FULL:
            return Refusal(f"{where}The disk is full. What was being written is not complete. Free some space and "
                           "run the command again.", kind="disk-full")  # fmt: skip
        reason = error.strerror or str(error)
        return InvalidInput(f"{where}{reason}. Check the path, its permissions and the limits of this user.")
    if isinstance(error, RecursionError):
        return InvalidInput("The input is nested too deeply to be read. Give a file with fewer levels.")
    if isinstance(error, MemoryError):
        return Refusal("There is not enough memory for this. Give a smaller input, or run it on a larger machine.")
    if isinstance(error, UnicodeError):
        return InvalidInput(f"A text cannot be read or written: {error}. Use UTF-8.")
    return None


def _internal(error: BaseException) -> str:
    """Write the traceback of a defect to a file; return one sentence for the person."""
    what = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1][:200]
    try:
        handle, name = tempfile.mkstemp(prefix="gridsvc-error-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            traceback.print_exception(error, file=file)
    except OSError:
        name = "nowhere: the folder for temporary files cannot be written"
    return f"This is a defect of gridsvc: {what}. The details for a bug report are in {name}"


def _write(word: str, error: GridsvcError) -> None:
    try:
        click.secho(f"{word}: ", fg="red", bold=True, err=True, nl=False)
        click.echo(str(error), err=True)
    except OSError:
        return  # stderr is closed or its disk is full: the exit code still says it


def _typed_words() -> list[str]:
    """Return the arguments as UTF-8, also where the locale of the terminal is ASCII."""
    return [os.fsencode(word).decode("utf-8", "surrogateescape") for word in sys.argv[1:]]


def _accept_any_text() -> None:
    """Let stdout and stderr write every character; what an encoding lacks is written as an escape."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the caller
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open until the end
        elif isinstance(stream, io.TextIOWrapper):
            # UTF-8 instead of ASCII, as click and Python (PEP 540) do: a Chinese name is never an error
            plain = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding="utf-8" if plain else stream.encoding, errors="backslashreplace")


def _close_stdout() -> None:
    """Drop what stdout cannot take any more, so that the interpreter does not complain about it at its end."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
