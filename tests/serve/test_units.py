"""What keeps the service running on a machine: the unit of systemd and the compose file."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

UNIT = PROJECT / "systemd" / "gridsvc.service"
COMPOSE = (PROJECT / "docker" / "compose.yaml").read_text("utf-8")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    program = tmp_path / "gridsvc"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text("utf-8").replace("/opt/gridsvc/.venv/bin/gridsvc", str(program)))
    checked = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_unit_starts_the_service_again_and_leaves_its_database_up() -> None:
    lines = UNIT.read_text("utf-8").splitlines()
    assert {"Restart=always", "KillMode=process", "StartLimitIntervalSec=0"} <= set(lines)


def test_the_compose_file_restarts_both_services_and_gives_each_role_its_own_password() -> None:
    assert COMPOSE.count("restart: unless-stopped") == 2
    assert COMPOSE.count("logging: *logs") == 2
    users = dict(re.findall(r"//(gridsvc_\w+):\$\{(\w+):\?", COMPOSE))
    assert users == {"gridsvc_app": "GRIDSVC_APP_PASSWORD", "gridsvc_owner": "GRIDSVC_OWNER_PASSWORD"}
    passwords = set(re.findall(r"PASSWORD: \$\{(\w+):\?", COMPOSE))
    assert len(passwords) == 4


def test_the_roles_of_the_compose_file_get_their_own_passwords(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    psql = tmp_path / "psql"
    psql.write_text(f'#!/bin/sh\necho "$@" >> {seen}\n[ -t 0 ] || cat >> {seen}\n')
    psql.chmod(0o755)
    passwords = {f"GRIDSVC_{role}_PASSWORD": f"of-{role}" for role in ("OWNER", "APP", "VIEWER")}
    script = ["sh", str(PROJECT / "docker" / "roles.sh")]
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", **passwords}
    subprocess.run(script, env=environment, check=True, stdin=subprocess.DEVNULL)
    found = re.findall(r"password=(\S+) .*\nalter role (\w+) ", seen.read_text())
    assert found == [("of-OWNER", "gridsvc_owner"), ("of-APP", "gridsvc_app"), ("of-VIEWER", "gridsvc_viewer")]
    del environment["GRIDSVC_VIEWER_PASSWORD"]
    assert subprocess.run(script, env=environment, check=False, stdin=subprocess.DEVNULL).returncode != 0
