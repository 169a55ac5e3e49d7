"""`gridsvc jobs`: the jobs of the background process."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from gridsvc.cli.answers import ACTOR, answer, json_option, opened_service, progress, read_id, table
from gridsvc.cli.groups import Group
from gridsvc.errors import Refusal
from gridsvc.operations.jobs import jobs as jobs_of
from gridsvc.operations.jobs import schedule

if TYPE_CHECKING:
    from gridsvc.operations.runtime.service import Service

_LOOK_EVERY_S = 0.3
_CURE = "`gridsvc jobs list` lists them."


@click.group(cls=Group)
def jobs() -> None:
    """List, run, watch and cancel jobs of the background process; list what is planned."""


@jobs.command("list")
@click.option("--state", "states", multiple=True,
              type=click.Choice(["waiting", "running", "done", "failed", "cancelled"]),
              help="Only jobs of this state; may be repeated.")  # fmt: skip
@json_option
def list_command(*, states: tuple[str, ...], as_json: bool) -> None:
    """List jobs, the newest first."""
    found = jobs_of.list_all(opened_service(), states or None)["items"]
    rows = [(j["id"], j["kind"], j["state"], _share(j), j["created_at"], j["error"] or "") for j in found]
    answer(found, as_json=as_json, show=lambda: table(["job", "kind", "state", "progress", "asked", "error"], rows))


@jobs.command()
@click.argument("kind", type=click.Choice(sorted(jobs_of.KINDS)))
@click.option("--wait/--no-wait", default=True, help="Wait for its end, or return at once.")
@json_option
def run(*, kind: str, wait: bool, as_json: bool) -> None:
    """Let the background process run a job of one kind, and wait for it."""
    service = opened_service()
    job = json.loads(jobs_of.ask(service, kind, asked_by=ACTOR).body)
    _follow(service, job, as_json=as_json) if wait else _answer(job, as_json=as_json)


@jobs.command()
@click.argument("job")
@json_option
def watch(*, job: str, as_json: bool) -> None:
    """Wait for the end of JOB (its id); exit 3 where it failed."""
    service = opened_service()
    _follow(service, jobs_of.get(service, read_id(job, "job", _CURE)), as_json=as_json)


@jobs.command()
@click.argument("job")
@json_option
def cancel(*, job: str, as_json: bool) -> None:
    """Cancel JOB (its id)."""
    _answer(json.loads(jobs_of.cancel(opened_service(), read_id(job, "job", _CURE)).body), as_json=as_json)


@jobs.command()
@json_option
def planned(*, as_json: bool) -> None:
    """List what is planned for a later time."""
    found = schedule.list_planned(opened_service())
    rows = [(e["at"], e["kind"], e["district"] or "", e["subject"], e["asked_by"]) for e in found]
    answer(found, as_json=as_json, show=lambda: table(["at", "what", "district", "subject", "asked by"], rows))


def _follow(service: Service, job: dict[str, Any], *, as_json: bool) -> None:
    draw = progress(job["kind"])
    while job["finished_at"] is None:
        time.sleep(_LOOK_EVERY_S)
        job = jobs_of.get(service, UUID(job["id"]))
        done, total = job["progress"]["done"], job["progress"]["total"]
        if total:
            draw(min(done, total), total)
    _answer(job, as_json=as_json)
    if job["state"] != "done":
        raise Refusal(f"The {job['kind']} job {job['id']} is {job['state']}: {job['error'] or 'by request'}.")


def _answer(job: dict[str, Any], *, as_json: bool) -> None:
    words = f"{job['kind']} {job['id']}: {job['state']}" + (f", {job['result']}" if job["result"] else "")
    answer(job, as_json=as_json, show=lambda: click.echo(words))


def _share(job: dict[str, Any]) -> str:
    done, total = job["progress"]["done"], job["progress"]["total"]
    return f"{done / total:.0%}" if total else (str(done) if done else "")
