"""`gridsvc serve`, `work` and `doctor`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from gridsvc.cli.answers import answer, json_option, say, table
from gridsvc.serve import listener, run
from gridsvc.settings import SETTINGS, Settings, for_sessions, open_service


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8733, show_default=True, type=click.IntRange(1, 65535), help="Port to listen at.")
@click.option("--workers", type=click.IntRange(1, 64), help="HTTP processes.  [default: one for each core]")
@click.option("--tls-cert", type=click.Path(path_type=Path), help="Certificate chain (PEM), for HTTPS.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="Its private key (PEM).")
@click.option("--proxy-headers", "proxies", metavar="ADDRESSES",
              help="Addresses or networks, comma-separated, whose X-Forwarded-For and -Proto are used.")  # fmt: skip
def serve(
    *, host: str, port: int, workers: int | None, tls_cert: Path | None, tls_key: Path | None, proxies: str | None
) -> None:
    """Serve the HTTP API and, at /, the command screen; runs the background process, too."""
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key belong together.")
    settings = Settings.read()
    listening = listener.Listener(host, port, tls_cert, tls_key, proxies)
    listener.refuse_open_service(host, settings.auth)
    listening.check_certificate()
    listening.check_port()
    with run.running(listening, workers or run.default_processes()) as processes:
        service = open_service(settings, report=say)
        if settings.auth == "required":
            listener.refuse_unscoped_database(service.database)
        service.database.close()
        if settings.database_url is not None:
            background = open_service(for_sessions(settings), pool=2)
            listener.refuse_shared_sessions(background.database)
            background.database.close()
        say(f"gridsvc answers at {listening.url}   (Ctrl-C ends it)")
        if listening.is_plain:
            say("Keys cross the network in plain text. Give --tls-cert and --tls-key, or serve behind a proxy.")
        if settings.auth == "required":
            say("Make a key for each person: gridsvc keys add NAME --role ROLE")
        processes.start()
        sys.exit(processes.wait())


@click.command()
@click.option("--jobs-at-once", default=1, show_default=True, type=click.IntRange(1, 64),
              help="Jobs that run at once, in all such processes together.")  # fmt: skip
@click.option("--job", "job_id", hidden=True, help="Run one attempt at a job: what the background process starts.")
@click.option("--attempt", type=int, hidden=True)
def work(*, jobs_at_once: int, job_id: str | None, attempt: int | None) -> None:
    """Run the background process: it seals events, checks deadlines, runs jobs. `serve` starts one itself."""
    from gridsvc.operations.runtime.json_logs import log_as_json
    from gridsvc.serve import worker as background

    log_as_json()
    if job_id is not None and attempt is not None:
        background.run_job(job_id, attempt)
        return
    background.run_from_environment(run.stop_on_signals(), jobs_at_once=jobs_at_once)


@click.command()
@json_option
def doctor(*, as_json: bool) -> None:
    """Show what is set up, what is not, and the cure. Add the output to a bug report."""
    from gridsvc.operations.runtime.doctor import diagnose

    settings = Settings.read()
    findings: list[dict[str, Any]] = diagnose(settings.data, lambda: open_service(settings, pool=1))

    def show() -> None:
        table(["setting", "value", "meaning"],
              [(s.name, os.environ.get(s.name) or s.default, s.meaning) for s in SETTINGS])  # fmt: skip
        click.echo()
        table(["check", "state", "found", "cure"], [(f["check"], f["state"], f["found"], f["cure"]) for f in findings])

    value = {"settings": {s.name: os.environ.get(s.name) or s.default for s in SETTINGS}, "checks": findings}
    answer(value, as_json=as_json, show=show)
