"""The end of the evidence is sent to an address each day: what arrives there proves that no tail was cut off."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from gridsvc.db.evidence.sealing import seal_all
from gridsvc.db.jobs import due, jobs
from gridsvc.errors import InvalidInput, Unavailable
from gridsvc.operations.evidence.anchoring import check_address, run_anchor, send
from gridsvc.operations.evidence.verify import verify
from gridsvc.operations.jobs.jobs import Run
from gridsvc.operations.jobs.schedule import ensure_standing
from gridsvc.operations.runtime import doctor
from tests.worlds.district import DISTRICT, as_superuser, open_toy, report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridsvc.operations.runtime.service import Service


class Receiver:
    """An HTTP server on this machine that keeps what is sent to it, and answers with `status`."""

    def __init__(self) -> None:
        self.status = 201
        self.kept: list[tuple[str, dict[str, Any]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.kept.append((self.path, body))
                self.send_response(receiver.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/anchors?key=secret"


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        thread.join()
        receiver.server.server_close()


@pytest.fixture
def service(url: str, tmp_path: Path) -> Iterator[Service]:
    made = open_toy(url, tmp_path)
    report(made)
    seal_all(made.database)
    yield made
    made.database.close()


def anchor_now(service: Service) -> Any:
    """Run the job as the background process does."""
    job = service.database.run(lambda connection: jobs.add_job(connection, "anchor", {}, asked_by="test"))
    return run_anchor(Run(service, job))


def test_what_arrives_proves_that_no_tail_was_cut_off(service: Service, url: str) -> None:
    with receiving() as receiver:
        told = anchor_now(replace(service, anchor_url=receiver.address))
    assert told["sent"]
    [(path, kept)] = receiver.kept
    assert path == "/anchors?key=secret"
    assert kept["districts"][DISTRICT]["position"] > 0
    assert all(each.holds for each in verify(service, anchor=kept))
    with as_superuser(url) as superuser:
        superuser.execute(
            "delete from event_seal where district = %s and position = %s",
            [DISTRICT, kept["districts"][DISTRICT]["position"]],
        )
    assert not all(each.holds for each in verify(service, anchor=kept))


def test_evidence_that_does_not_hold_is_not_anchored(service: Service, url: str) -> None:
    with as_superuser(url) as superuser:
        superuser.execute("update event_seal set hash = sha256('x') where district = %s and position = 1", [DISTRICT])
    with receiving() as receiver, pytest.raises(InvalidInput):
        anchor_now(replace(service, anchor_url=receiver.address))
    assert receiver.kept == []


@pytest.mark.parametrize("status", [302, 404, 500])
def test_an_answer_that_is_no_success_fails_and_names_no_secret(status: int) -> None:
    with receiving() as receiver:
        receiver.status = status
        with pytest.raises(Unavailable) as refused:
            send(receiver.address, {"districts": {}})
    assert str(status) in str(refused.value)
    assert "secret" not in str(refused.value)
    assert len(receiver.kept) == 1  # a redirection is not followed


def test_a_host_that_is_away_fails_and_names_no_secret() -> None:
    with receiving() as receiver:
        address = receiver.address
    with pytest.raises(Unavailable) as refused:
        send(address, {"districts": {}}, patience_s=2.0)
    assert "127.0.0.1" in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    ["", "anchors.example", "http://anchors.example/x", "ftp://anchors.example/x", "https://", "https://[x/", "file:///x",
     "https://anchors.example:99999/", "https://anchors.example/é", "https://anchors example/"],
)  # fmt: skip
def test_an_address_that_cannot_be_meant_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_address(address)
    assert "GRIDSVC_ANCHOR_URL" in str(refused.value)


@pytest.mark.parametrize("address", ["https://anchors.example/x", "http://[::1]:80/", "http://localhost/"])
def test_an_address_that_can_be_used(address: str) -> None:
    assert check_address(address).hostname


@pytest.mark.parametrize(("address", "planned"), [(None, 0), ("https://anchors.example/x", 1)])
def test_it_is_planned_where_an_address_is_set(service: Service, address: str | None, planned: int) -> None:
    ensure_standing(replace(service, anchor_url=address))
    with service.database.transaction() as connection:
        assert len(due.list_due(connection, kind="anchor")) == planned


def test_doctor_says_what_an_insider_could_do_and_that_an_anchor_is_late(service: Service, url: str) -> None:
    def finding(here: Service) -> dict[str, Any]:
        return next(each for each in doctor.diagnose(here.folder, lambda: here) if each["check"] == "anchor")

    sending = replace(service, anchor_url="https://anchors.example/x")
    assert "superuser" in finding(service)["found"]
    assert "GRIDSVC_ANCHOR_URL" in finding(service)["cure"]
    with receiving() as receiver:
        anchor_now(replace(service, anchor_url=receiver.address))
    assert finding(sending)["state"] == "ok"
    with as_superuser(url) as superuser:
        superuser.execute("update service_mark set at = at - interval '3 days' where name = 'anchor'")
    assert finding(sending)["state"] == "bad"
    assert finding(service)["state"] == "ok"
