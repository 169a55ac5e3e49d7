"""What `gridsvc doctor` says of backups and of the anchor of the evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gridsvc.operations.evidence import verify
from gridsvc.operations.jobs import backup, schedule
from gridsvc.operations.runtime import doctor
from tests.worlds.district import as_superuser, owner_of

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.operations.runtime.service import Service


def found(service: Service, check: str) -> dict[str, Any]:
    return next(each for each in doctor.diagnose(service.folder, lambda: service) if each["check"] == check)


@pytest.mark.parametrize(("first", "state"), [("now() + interval '1 h'", "note"), ("now() - interval '3 days'", "bad")])
def test_a_backup_that_was_never_made_is_bad_after_two_days(service: Service, url: str, first: str, state: str) -> None:
    assert found(service, "backup")["state"] == "note"  # the service was never started
    schedule.ensure_standing(service)
    with as_superuser(url) as superuser:
        superuser.execute(f"update due set at = {first} where kind = 'backup'")
    finding = found(service, "backup")
    assert finding["state"] == state
    assert bool(finding["cure"]) == (state == "bad")


def test_a_backup_of_two_days_ago_is_bad(service: Service, url: str, tmp_path: Path) -> None:
    backup.back_up(replace(service, owner_url=lambda: owner_of(url)), tmp_path / "a.backup")
    assert found(service, "backup")["state"] == "ok"
    with as_superuser(url) as superuser:
        superuser.execute("update service_mark set at = at - interval '50 h' where name = 'backup'")
    assert found(service, "backup")["state"] == "bad"


def test_without_an_anchor_it_is_said_what_an_insider_could_do(service: Service) -> None:
    finding = found(service, "anchor")
    assert (finding["state"], "superuser" in finding["found"]) == ("note", True)
    assert "audit anchor" in finding["cure"]
    verify.anchor(service)
    assert found(service, "anchor")["state"] == "ok"
