"""Many villages: loaded, checked and put in force in bounded memory, with no time limit on a statement."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from gridsvc.grids.index import OwnershipIndex
from gridsvc.grids.levels import Level
from gridsvc.operations.grids import checks, generations
from gridsvc.operations.grids.imports import Columns, load_grids
from tests.worlds.district import as_superuser, load_toy, report
from tests.worlds.province import PROVINCE, SIDE_DEG, SOUTH, WEST, code_of, write_province

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridsvc.operations.runtime.service import Service

MOST_MEMORY_BYTES = 1_500_000_000

SMALL_INDEX = "a080f450552ebf7a471c25c77d26f7027307ca91dd2dbc1a76c71e02d6cac55c"
"""SHA-256 of the index of 50 x 50 villages. Cases name indexes by their digest: other bytes need another VERSION."""

ACTIVATE = """
import json, pathlib, sys
from gridsvc.db.session.connection import Database
from gridsvc.grids.levels import Level
from gridsvc.operations.grids import checks, generations
from gridsvc.operations.grids.imports import Columns, load_grids
from gridsvc.operations.runtime.service import Service
from tests.worlds.memory import peak_memory_bytes

service = Service(Database(sys.argv[1]), pathlib.Path(sys.argv[2]))
columns = Columns(code="code", name="name", parent="parent")
code = sys.argv[4]
for level, path in json.loads(sys.argv[3]).items():
    file = pathlib.Path(path)
    load_grids(service, file, Level.from_key(level), district=code, crs="EPSG:4326", columns=columns)
checked = checks.check(service, code)
assert not checked.blocking
generations.activate(service, code, 1)
print(peak_memory_bytes())
"""


def load(service: Service, files: dict[str, Path]) -> None:
    columns = Columns(code="code", name="name", parent="parent")
    for level, path in files.items():
        load_grids(service, path, Level.from_key(level), district=PROVINCE, crs="EPSG:4326", columns=columns)


def centre_owners(index: OwnershipIndex, columns: int, rows: int, step: int) -> Iterator[tuple[list[Any], list[str]]]:
    """Yield the owners of the middle of every step-th village, and who must own it; no border comes near a middle."""
    for i in range(0, columns, step):
        for j in range(0, rows, step):
            owned = index.locate(WEST + (i + 0.5) * SIDE_DEG, SOUTH + (j + 0.5) * SIDE_DEG)
            found = [owner.code for owner in owned.owners if owner is not None]
            yield found, [code_of(level, i, j) for level in ("regional", "township", "village")]


def mapped_index(folder: Path, digest: str) -> OwnershipIndex:
    return OwnershipIndex.open((folder / "artifacts" / digest[:2] / digest).read_bytes(), verify=True)


def index_digest(url: str) -> str:
    with as_superuser(url) as connection:
        row = connection.execute(
            "select index_digest from grid_generation where district = %s and number = 1", [PROVINCE]
        ).fetchone()
    assert row is not None
    return str(row[0])


def test_villages_of_more_than_one_batch_are_owned_by_the_right_ones(
    service: Service, url: str, tmp_path: Path
) -> None:
    load(service, write_province(tmp_path, 50, 50))
    assert not checks.check(service, PROVINCE).blocking
    generations.activate(service, PROVINCE, 1)
    digest = index_digest(url)
    assert all(found == expected for found, expected in centre_owners(mapped_index(tmp_path, digest), 50, 50, 1))
    assert len(generations.list_grids(service, PROVINCE)) == 2500 + 25 + 1
    assert digest == SMALL_INDEX


def test_imports_have_no_time_limit_and_requests_have_one(service: Service, url: str, tmp_path: Path) -> None:
    """Rows of an import are refused by a trigger where their statement has a time limit, and a report's where not."""
    imported = ("grid", "grid_geometry", "grid_generation", "artifact_piece", "in_force", "road_network", "road_edge")
    with as_superuser(url) as connection:
        connection.execute(
            """
            create function needs_limit() returns trigger language plpgsql as $$
            begin
                if (current_setting('statement_timeout') = '0') <> (tg_argv[0] = 'none') then
                    raise 'statement_timeout is % at a row of %', current_setting('statement_timeout'), tg_table_name;
                end if;
                return new;
            end $$;
            delete from road_edge; delete from road_network;
            """
        )
        for table in imported:
            limited = f"create trigger limited before insert on {table} for each row "
            connection.execute((limited + "execute function needs_limit('none')").encode())
        connection.execute(
            "create trigger limited before insert on incident for each row execute function needs_limit('some')"
        )
    load(service, write_province(tmp_path, 50, 50))
    generations.activate(service, PROVINCE, 1)
    load_toy(service)
    report(service)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_sixty_thousand_villages(url: str, tmp_path: Path) -> None:
    files = {level: str(path) for level, path in write_province(tmp_path, 300, 200).items()}
    words = [sys.executable, "-c", ACTIVATE, url, str(tmp_path), json.dumps(files), PROVINCE]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < MOST_MEMORY_BYTES
    digest = index_digest(url)
    index = mapped_index(tmp_path, digest)
    assert hashlib.sha256(index.buffer).hexdigest() == digest
    assert index.size == 60_000 + 600 + 24
    assert all(found == expected for found, expected in centre_owners(index, 300, 200, 7))
