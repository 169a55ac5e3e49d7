"""`gridsvc serve`, `work` and `doctor`."""

from __future__ import annotations

import os
from typing import Any

import click

from gridsvc.cli import serving
from gridsvc.cli.answers import answer, json_option, say, table
from gridsvc.settings import SETTINGS, Settings, open_service


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8733, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", type=click.IntRange(1, 64), help="HTTP processes; one a core unless said.")
def serve(*, host: str, port: int, workers: int | None) -> None:
    """Answer HTTP: the API and, at /, the command screen. Runs the background process beside it."""
    settings = Settings.read()
    serving.refuse_open_door(host, settings.auth)
    serving.refuse_taken_port(host, port)
    open_service(settings, report=say).database.close()
    say(f"gridsvc answers at http://{host}:{port}/   (Ctrl-C ends it)")
    with serving.background_process(settings.environment):
        serving.serve_http(host, port, workers or serving.default_workers())


@click.command()
@click.option("--with-parent", is_flag=True, hidden=True)
def work(*, with_parent: bool) -> None:
    """Run the background process: it seals events. `serve` starts one by itself."""
    from gridsvc import work as background
    from gridsvc.settings import die_with_parent

    if with_parent:
        die_with_parent()
    stop = serving.stop_on_signals()
    background.run(open_service(Settings.read(), pool=2), stop)


@click.command()
@json_option
def doctor(*, as_json: bool) -> None:
    """Say what is set up, what is not, and the cure; what a bug report needs."""
    from gridsvc.operations.diagnosis import diagnose

    settings = Settings.read()
    findings: list[dict[str, Any]] = diagnose(settings.data, lambda: open_service(settings, pool=1))

    def show() -> None:
        table(["setting", "value", "meaning"],
              [(s.name, os.environ.get(s.name) or s.default, s.meaning) for s in SETTINGS])  # fmt: skip
        click.echo()
        table(["check", "state", "found", "cure"], [(f["check"], f["state"], f["found"], f["cure"]) for f in findings])

    told = {"settings": {s.name: os.environ.get(s.name) or s.default for s in SETTINGS}, "checks": findings}
    answer(told, as_json=as_json, show=show)
