"""`gridsvc keys` and `gridsvc erase`, as an administrator types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.worlds import district
from tests.worlds.district import scratch_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gridsvc.db.cluster.embedded import EmbeddedCluster

PHONE = "13812345678"


@pytest.fixture(scope="module")
def gridsvc(
    cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Run a command on the district on paper; return its exit code, what it printed, and what it said beside."""
    folder = tmp_path_factory.mktemp("data")
    with scratch_database(cluster) as url:
        service = district.open_toy(url, folder)
        district.report(service, reporter={"name": "王小明", "phone": PHONE}, description="seen by Li Si")
        service.database.close()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GRIDSVC_")}
        environment |= {"GRIDSVC_DATABASE_URL": url, "GRIDSVC_DATA": str(folder)}

        def run(*words: str) -> tuple[int, str, str]:
            done = subprocess.run([sys.executable, "-m", "gridsvc", *words], env=environment, capture_output=True,
                                  text=True)  # fmt: skip
            return done.returncode, done.stdout, done.stderr

        yield run


def test_a_key_is_given_listed_and_revoked(gridsvc: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = gridsvc("keys", "add", "王小明", "--role", "dispatcher")
    assert code == 0
    key = out.strip()
    assert key.startswith("gs_")
    assert "王小明, dispatcher, 330703" in err
    code, out, _ = gridsvc("keys", "list", "--json")
    assert code == 0
    assert [(k["name"], k["role"], k["district"], k["scope"]) for k in json.loads(out)] == [
        ("王小明", "dispatcher", "330703", None)
    ]
    assert key.rsplit("_", 1)[1] not in out
    assert gridsvc("keys", "revoke", "王小明")[0] == 0
    assert json.loads(gridsvc("keys", "list", "--json")[1]) == []
    code, out, err = gridsvc("keys", "revoke", "王小明")
    assert (code, out) == (3, "")
    assert "No active key" in err


def test_a_tracker_is_made_listed_and_ended(gridsvc: Callable[..., tuple[int, str, str]]) -> None:
    assert gridsvc("keys", "add", "车队", "--role", "officer")[0] == 0
    team = json.loads(gridsvc("teams", "list", "--json")[1])[0]
    code, out, err = gridsvc("keys", "tracker", "车队", "--team", team["name"])
    assert code == 0
    token = out.strip()
    assert token.startswith("gt_")
    assert "only once" in err
    assert token not in err
    (listed,) = json.loads(gridsvc("keys", "devices", "车队", "--json")[1])
    assert (listed["kind"], listed["team_id"]) == ("tracker", team["id"])
    assert token not in json.dumps(listed)
    assert gridsvc("keys", "devices", "--end", listed["id"])[0] == 0
    assert json.loads(gridsvc("keys", "devices", "车队", "--json")[1]) == []
    assert gridsvc("keys", "tracker", "车队")[0] == 2
    assert gridsvc("keys", "tracker", "nobody", "--team", team["id"])[0] == 3


def test_what_is_no_role_is_wrong_usage(gridsvc: Callable[..., tuple[int, str, str]]) -> None:
    code, _, err = gridsvc("keys", "add", "x", "--role", "king")
    assert code == 2
    assert "dispatcher" in err


def test_a_person_is_erased(gridsvc: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = gridsvc("erase", PHONE, "--dry-run", "--json")
    assert code == 0
    assert json.loads(out) | {"cases": 1} == {
        "cases": 1, "closures": [], "notes": [], "names": [], "persons": [], "rows": 1, "mentioned": 0, "erased": False,
    }  # fmt: skip
    code, out, err = gridsvc("erase", PHONE)
    assert code == 0
    assert "1 rows of 1 cases erased" in out
    code, out, err = gridsvc("erase", PHONE)
    assert code == 3
    assert "Nothing is stored" in err
    assert PHONE not in out + err
