"""The root command: which word lives in which module, and how a refusal reaches the person who typed it."""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

import click

from gridsvc import __version__
from gridsvc.errors import GridsvcError, Refusal, Unavailable

# word: (module, attribute, one line for --help). Modules are imported only when their word is used.
WORDS = {
    "demo": ("gridsvc.cli.demo", "demo", "Build the demo district, or a real place out of an OSM file, and serve it"),
    "serve": ("gridsvc.cli.service", "serve", "Answer HTTP: the API and the command screen"),
    "work": ("gridsvc.cli.service", "work", "The background process (serve starts one by itself)"),
    "db": ("gridsvc.cli.database", "db", "The database: up, down, url, migrate"),
    "load": ("gridsvc.cli.load", "load", "Load grids, roads, teams, catalogue, run cards, addresses"),
    "grids": ("gridsvc.cli.grids", "grids", "Generations: list, check, activate, rollback, diff, history, export"),
    "locate": ("gridsvc.cli.grids", "locate", "Whose place is it: one place or a file of them"),
    "recommend": ("gridsvc.cli.incidents", "recommend", "Which lawful team would go, and can it make it"),
    "travel-times": ("gridsvc.cli.roads", "travel_times", "Travel times between two files of places"),
    "isochrone": ("gridsvc.cli.roads", "isochrone", "The area within so many minutes of a place"),
    "roads": ("gridsvc.cli.calibration", "roads", "Roads in force: calibrate travel times, show; areas of teams"),
    "jobs": ("gridsvc.cli.jobs", "jobs", "Heavy work of the background process: list, run, watch, cancel"),
    "keys": ("gridsvc.cli.keys", "keys", "Keys: give them to persons, list them, revoke them, pair a device"),
    "erase": ("gridsvc.cli.keys", "erase", "Erase what is kept on a person; the chain of events stays whole"),
    "audit": ("gridsvc.cli.audit", "audit", "Prove the chain of events"),
    "doctor": ("gridsvc.cli.service", "doctor", "What is set up, what is not, and the cure"),
    "bench": ("gridsvc.cli.bench", "bench", "Measure, side by side with what you would use instead"),
}  # fmt: skip


class Root(click.Group):
    """A group that imports a command when it is typed, so that --help costs nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(WORDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in WORDS:
            return None
        module, attribute, _ = WORDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(word, line) for word, (_, _, line) in WORDS.items()])


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="gridsvc")
def root() -> None:
    """Geospatial command of law enforcement and emergencies.

    Whose is this incident? Which lawful team goes, and can it make it? Every command that answers takes --json.
    Exit codes: 0 fine, 2 wrong usage, 3 refused, with the reason on stderr.
    """


def run(words: list[str] | None = None) -> NoReturn:
    """Run the command line; a refusal is said on stderr and exits with 3, never with a traceback."""
    try:
        code = root.main(args=words, prog_name="gridsvc", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except Refusal as refusal:
        _tell("Refused", refusal)
        sys.exit(3)
    except Unavailable as away:
        _tell("Not now", away)
        sys.exit(3)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)


def _tell(word: str, error: GridsvcError) -> None:
    click.secho(f"{word}: ", fg="red", bold=True, err=True, nl=False)
    click.echo(str(error), err=True)
