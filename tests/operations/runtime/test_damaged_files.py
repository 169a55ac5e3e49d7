"""R10: a damaged file of grids or roads refuses no report; it is restored from the database where that is possible."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from gridsvc.api.app import create_app
from gridsvc.db.session.connection import Database
from gridsvc.files.derived import derived
from gridsvc.operations.runtime.doctor import diagnose
from gridsvc.operations.runtime.service import Service
from tests.worlds.district import DISTRICT, as_superuser, open_toy, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridsvc.db.cluster.embedded import EmbeddedCluster

EMERGENCY = {"type": "leak", "location": {"lon": 119.646, "lat": 29.1}}


@pytest.fixture
def url(cluster: EmbeddedCluster, tmp_path: Path) -> Iterator[str]:
    """A database with the district on paper, whose artifact files are in `tmp_path`."""
    with scratch_database(cluster) as url:
        open_toy(url, tmp_path).database.close()
        yield url


@contextmanager
def started(url: str, folder: Path) -> Iterator[TestClient]:
    """A process of the service that starts now, with nothing in memory."""
    service = Service(Database(url, pool=4), folder)
    with TestClient(
        create_app(service, sign_in=False), base_url="http://localhost", raise_server_exceptions=False
    ) as client:
        yield client
    service.database.close()


def file_of(url: str, folder: Path, kind: str) -> Path:
    with as_superuser(url) as connection:
        row = connection.execute("select digest from artifact where kind = %s", [kind]).fetchone()
    assert row is not None
    digest = str(row[0])
    return folder / "artifacts" / digest[:2] / digest


def flip(content: bytes) -> bytes:
    """Return the content with 64 bytes in the middle inverted."""
    middle = len(content) // 2
    inverted = bytes(255 - byte for byte in content[middle : middle + 64])
    return content[:middle] + inverted + content[middle + 64 :]


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def wrong_magic(content: bytes) -> bytes:
    return b"XXXXXXXX" + content[8:]


def nothing(_content: bytes) -> bytes:
    return b""


def report(web: TestClient) -> dict[str, Any]:
    answer = web.post("/incidents", json=EMERGENCY)
    assert answer.status_code == 201, answer.text
    case: dict[str, Any] = answer.json()
    return case


@pytest.mark.parametrize("kind", ["network", "ownership-index"])
@pytest.mark.parametrize("damage", [flip, cut, wrong_magic, nothing])
def test_a_damaged_file_is_restored_from_the_database(url: str, tmp_path: Path, kind: str, damage: Any) -> None:
    with started(url, tmp_path) as web:
        before = report(web)
    file = file_of(url, tmp_path, kind)
    content = file.read_bytes()
    file.write_bytes(damage(content))

    with started(url, tmp_path) as web:
        after = report(web)
        ready = web.get("/readyz").json()["districts"][0]

    assert after["owners"] == before["owners"]
    assert after["recommendation"]["lead"] == before["recommendation"]["lead"]
    assert after["recommendation"]["lead"]["travel_s"] is not None
    assert file.read_bytes() == content
    assert (ready["grids"], ready["roads"], ready["unknown"]) == (True, True, [])


def lose(url: str, file: Path) -> None:
    """Damage a file and its copy in the database."""
    file.write_bytes(flip(file.read_bytes()))
    with as_superuser(url) as connection:
        connection.execute("update artifact_piece set content = 'damaged' where digest = %s", [file.name])


def test_lost_roads_refuse_no_report(url: str, tmp_path: Path) -> None:
    lose(url, file_of(url, tmp_path, "network"))
    with started(url, tmp_path) as web:
        case = report(web)
        ready = web.get("/readyz")
        times = web.post("/travel-times", json={"origins": [[119.61, 29.1]], "destinations": [[119.62, 29.1]]})

    assert case["owners"]["township"] is not None
    assert case["waiting"] is True
    assert all(row["travel_s"] is None for row in case["recommendation"]["considered"])
    assert ready.status_code == 200
    district = ready.json()["districts"][0]
    assert district["roads"] is False
    assert [each["part"] for each in district["unknown"]] == ["roads"]
    assert "restore a backup" in district["unknown"][0]["reason"]
    assert times.status_code == 503
    assert times.json()["type"].endswith("artifact-lost")


def test_lost_grids_refuse_no_report(url: str, tmp_path: Path) -> None:
    lose(url, file_of(url, tmp_path, "ownership-index"))
    with started(url, tmp_path) as web:
        case = report(web)
        ready = web.get("/readyz").json()["districts"][0]

    assert case["district"] == DISTRICT
    assert case["owners"] == {"regional": None, "township": None, "area": None, "village": None}
    assert [each["part"] for each in ready["unknown"]] == ["grids"]


def test_doctor_names_a_lost_file_and_the_cure(url: str, tmp_path: Path) -> None:
    lose(url, file_of(url, tmp_path, "network"))
    findings = diagnose(tmp_path, lambda: Service(Database(url, pool=2), tmp_path))
    found = next(each for each in findings if each["check"] == f"roads {DISTRICT}")
    assert found["state"] == "bad"
    assert "damaged" in found["found"]
    assert "restore a backup" in found["cure"]


def test_a_folder_that_cannot_be_written_serves_from_the_database(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root nothing is unwritable, so the write itself fails here."""
    file = file_of(url, tmp_path, "network")
    file.write_bytes(cut(file.read_bytes()))

    def full(*_args: object, **_named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gridsvc.db.evidence.artifacts.tempfile.mkstemp", full)
    with started(url, tmp_path) as web:
        assert report(web)["recommendation"]["lead"]["travel_s"] is not None


@pytest.mark.parametrize("damage", [flip, cut, nothing])
def test_a_damaged_derived_file_is_made_again(tmp_path: Path, damage: Any) -> None:
    content = bytes(range(256)) * 8
    assert bytes(derived(tmp_path, "some", lambda: [content[:99], content[99:]])) == content
    file = tmp_path / "derived" / "some"
    file.write_bytes(damage(file.read_bytes()))
    made = []

    def make() -> list[bytes | memoryview]:
        made.append(1)
        return [content]

    assert bytes(derived(tmp_path, "some", make)) == content
    assert bytes(derived(tmp_path, "some", make)) == content
    assert made == [1]


def test_a_derived_file_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    broken: Any = [b"some bytes", None]
    with pytest.raises(TypeError):
        derived(tmp_path, "some", lambda: broken)
    assert list((tmp_path / "derived").iterdir()) == []
