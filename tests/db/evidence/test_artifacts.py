"""Artifacts are stored in pieces: each has a digest, none is seen before all are there, a damaged one is named."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
import pytest
from sqlalchemy.exc import ProgrammingError

from gridsvc.db.evidence import artifacts
from gridsvc.db.evidence.artifacts import ArtifactLost, open_artifact, put_artifact
from gridsvc.db.schema.migrate import upgrade
from gridsvc.db.session.connection import Database
from tests.worlds.district import as_superuser, upgrade_to

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PIECE = 1000
CONTENT = np.random.default_rng(3).bytes(3 * PIECE + 17)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
BLOCKS = [CONTENT[:10], memoryview(CONTENT)[10:1500], b"", CONTENT[1500:]]


@pytest.fixture
def database(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(artifacts, "PIECE_BYTES", PIECE)
    database = Database(url)
    yield database
    database.close()


def put(database: Database, folder: Path, blocks: Sequence[Any] = BLOCKS) -> str:
    return database.run(lambda connection: put_artifact(connection, folder, "330703", "network", blocks))


def read(database: Database, folder: Path) -> bytes:
    return database.run(lambda connection: bytes(open_artifact(connection, folder, "330703", DIGEST)))


def change(url: str, statement: str) -> None:
    with as_superuser(url) as connection:
        assert connection.execute(statement.encode()).rowcount == 1


def rows(url: str) -> list[tuple[Any, ...]]:
    with as_superuser(url) as connection:
        query = "select number, sha256, content, xmin::text from artifact_piece order by number"
        return connection.execute(query).fetchall()


def test_every_piece_has_its_bytes_and_its_digest(database: Database, url: str, tmp_path: Path) -> None:
    assert put(database, tmp_path) == DIGEST
    pieces = [CONTENT[at : at + PIECE] for at in range(0, len(CONTENT), PIECE)]
    expected = [(n, hashlib.sha256(piece).hexdigest(), piece) for n, piece in enumerate(pieces)]
    assert [row[:3] for row in rows(url)] == expected
    with as_superuser(url) as connection:
        assert connection.execute("select digest, size_bytes, pieces from artifact").fetchall() == [(DIGEST, 3017, 4)]


def test_a_file_is_made_from_the_pieces_where_there_is_none(database: Database, tmp_path: Path) -> None:
    put(database, tmp_path / "here")
    assert read(database, tmp_path / "there") == CONTENT
    files = [path for path in (tmp_path / "there").rglob("*") if path.is_file()]
    assert [(path.name, path.read_bytes()) for path in files] == [(DIGEST, CONTENT)]


@pytest.mark.parametrize(
    ("change_of_it", "words"),
    [
        ("update artifact_piece set content = 'x' || content where number = 2", "piece 3 of 4 is damaged"),
        ("update artifact_piece set sha256 = '' where number = 1", "piece 2 of 4 is damaged"),
        ("delete from artifact_piece where number = 0", "piece 1 of 4 is missing"),
        ("update artifact set pieces = 3", "its 3 pieces together have another digest"),
        (
            "update artifact_piece set content = 'x', sha256 = encode(sha256('x'), 'hex') where number = 3",
            "its 4 pieces together have another digest",
        ),
    ],
)
def test_what_is_damaged_is_named_and_never_written_to_a_file(
    database: Database, url: str, tmp_path: Path, change_of_it: str, words: str
) -> None:
    put(database, tmp_path / "here")
    change(url, change_of_it)
    with pytest.raises(ArtifactLost, match=words):
        read(database, tmp_path / "there")
    assert not [path for path in (tmp_path / "there").rglob("*") if path.is_file()]
    assert read(database, tmp_path / "here") == CONTENT


def test_loading_the_source_again_replaces_damaged_and_missing_pieces_only(
    database: Database, url: str, tmp_path: Path
) -> None:
    put(database, tmp_path / "here")
    before = rows(url)
    change(url, "update artifact_piece set content = 'damaged' where number = 1")
    change(url, "delete from artifact_piece where number = 3")
    assert put(database, tmp_path / "here") == DIGEST
    assert read(database, tmp_path / "there") == CONTENT
    after = rows(url)
    assert [row[:3] for row in after] == [row[:3] for row in before]
    assert [n for n in range(4) if after[n] == before[n]] == [0, 2]


def test_no_reader_sees_a_part(database: Database, url: str, tmp_path: Path) -> None:
    """A process that stops between two pieces leaves nothing in the database, and no file under the digest's name."""

    class Stopped(Exception):
        pass

    def blocks() -> Iterator[bytes]:
        yield CONTENT[:2500]
        with as_superuser(url) as connection:  # another session, while the pieces are being written
            assert connection.execute("select count(*) from artifact").fetchone() == (0,)
            assert connection.execute("select count(*) from artifact_piece").fetchone() == (0,)
        raise Stopped

    class Breaking(list[Any]):
        reads = 0

        def __iter__(self) -> Iterator[Any]:
            self.reads += 1
            return blocks() if self.reads == self.breaks_at else iter(BLOCKS)

        def __init__(self, breaks_at: int) -> None:
            super().__init__(BLOCKS)
            self.breaks_at = breaks_at

    broken = []
    for breaks_at in range(1, 5):
        try:
            put(database, tmp_path / str(breaks_at), Breaking(breaks_at))
        except Stopped:
            broken.append(breaks_at)
            assert rows(url) == []
            left = [path for path in (tmp_path / str(breaks_at)).rglob("*") if path.is_file()]
            assert all(path.name == DIGEST and path.read_bytes() == CONTENT for path in left)
        else:
            break
    assert broken[:2] == [1, 2]  # while the digest is taken, while the file is written; then while rows are written
    assert len(broken) >= 3


def test_the_application_can_change_and_delete_no_piece(database: Database, tmp_path: Path) -> None:
    put(database, tmp_path)
    for statement in ("update artifact_piece set content = ''", "delete from artifact_piece", "delete from artifact"):
        with pytest.raises(ProgrammingError, match="permission denied"), database.transaction() as connection:
            connection.exec_driver_sql(statement)


def test_the_migration_cuts_whole_values_into_pieces(empty_database: str, tmp_path: Path) -> None:
    """Values of more than one piece, of exactly one, and of none; the pieces are those that a load writes."""
    upgrade_to(empty_database, "0010")
    size = artifacts.PIECE_BYTES
    whole = np.random.default_rng(4).bytes(2 * size + 5)
    values = [whole, whole[:size], b""]
    plain = empty_database.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as raw:
        for value in values:
            raw.execute(
                "insert into artifact (district, digest, kind, content, created_at)"
                " values ('330703', %s, 'network', %s, '2026-01-01')",
                (hashlib.sha256(value).hexdigest(), value),
            )
    upgrade(empty_database)
    with psycopg.connect(plain) as raw:
        held = raw.execute(
            "select size_bytes, pieces, kind, created_at::date::text from artifact order by 1"
        ).fetchall()
        longest = raw.execute("select max(octet_length(content)) from artifact_piece").fetchone()
    assert held == [(n, p, "network", "2026-01-01") for n, p in ((0, 0), (size, 1), (2 * size + 5, 3))]
    assert longest == (size,)
    database = Database(empty_database)
    for value in values[:2]:
        digest = hashlib.sha256(value).hexdigest()
        with database.transaction() as connection:
            assert bytes(open_artifact(connection, tmp_path, "330703", digest)) == value
    database.close()
