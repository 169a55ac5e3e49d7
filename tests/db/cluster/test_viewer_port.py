"""Viewers over TCP: a password, loopback, and nobody else."""

from __future__ import annotations

import shutil
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from gridsvc.db.access import viewers
from gridsvc.db.cluster import viewer_port
from gridsvc.db.cluster.embedded import EmbeddedCluster
from gridsvc.errors import InvalidInput, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="gridsvc-test-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    EmbeddedCluster(made).stop()
    shutil.rmtree(made)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def over_tcp(port: int, user: str, password: str) -> psycopg.Connection:
    return psycopg.connect(
        host="127.0.0.1", port=port, user=user, password=password, dbname="gridsvc", connect_timeout=10
    )


def test_a_viewer_signs_in_with_its_password_and_nobody_else_over_tcp(folder: Path) -> None:
    port = free_port()
    cluster = EmbeddedCluster(folder, viewers=str(port))
    cluster.ensure()
    assert str(cluster.find_viewer_port()) == f"127.0.0.1:{port}"
    with psycopg.connect(cluster.url("app").replace("+psycopg", "")) as own:  # the socket is found as before
        assert own.execute("select current_user").fetchone() == ("gridsvc_app",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        over_tcp(port, "gridsvc_viewer", "guess")  # no password was set
    first = viewers.set_password(cluster.url("superuser"), "gridsvc_viewer")
    second = viewers.set_password(cluster.url("superuser"), "gridsvc_viewer")
    assert first != second
    with over_tcp(port, "gridsvc_viewer", second) as viewer:
        assert viewer.execute("show default_transaction_read_only").fetchone() == ("on",)
        assert viewer.execute("show statement_timeout").fetchone() == ("2min",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        over_tcp(port, "gridsvc_viewer", first)
    for user in ("postgres", "gridsvc_owner", "gridsvc_app"):
        with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
            over_tcp(port, user, second)

    # A process that does not know the setting starts the server: the port stays; `off` ends it.
    cluster.stop()
    again = EmbeddedCluster(folder)
    again.ensure()
    with over_tcp(port, "gridsvc_viewer", second):
        pass
    again.stop()
    closed = EmbeddedCluster(folder, viewers="off")
    closed.ensure()
    assert closed.find_viewer_port() is None
    with pytest.raises(psycopg.OperationalError, match="refused"):
        over_tcp(port, "gridsvc_viewer", second)
    with psycopg.connect(closed.url("app").replace("+psycopg", "")) as own:
        assert own.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize("text", ["80", "0", "65536", "db.example:5433", "5433x", "127.0.0.1:", ":5433", "1.2.3:5433"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="1024 to 65535"):
        viewer_port.read_port(text)


@pytest.mark.parametrize(
    ("text", "read"),
    [("5433", "127.0.0.1:5433"), ("10.0.0.4:5433", "10.0.0.4:5433"), ("[::1]:5433", "[::1]:5433"), ("off", "None")],
)
def test_a_port_is_read(text: str, read: str) -> None:
    assert str(viewer_port.read_port(text)) == read


def test_no_data_crosses_a_network_in_clear(tmp_path: Path) -> None:
    from gridsvc.db.cluster.folders import ServerUser

    server = ServerUser(0, 0, "root", other=False)
    chosen = viewer_port.read_port("0.0.0.0:5433")
    with pytest.raises(Refusal, match=r"viewer\.crt"):
        viewer_port.settings_of(tmp_path, chosen, server)
    for name in ("viewer.crt", "viewer.key"):
        (tmp_path / name).write_text("x")
    values = viewer_port.settings_of(tmp_path, chosen, server)
    assert values["ssl"] == "on"
    rules = (tmp_path / "viewer-rules.conf").read_text().splitlines()
    assert [line.split()[0] for line in rules if not line.startswith("#")] == ["local", "local", "hostssl", "hostssl"]
