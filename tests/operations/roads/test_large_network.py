"""4.7 million arcs: loaded in bounded memory, stored in pieces, backed up and restored to the same bytes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import psycopg
import pytest

from gridsvc.db.cluster.backup import read_backup, restore_backup, write_backup
from gridsvc.db.evidence.artifacts import PIECE_BYTES, open_artifact
from gridsvc.db.session.connection import Database
from gridsvc.roads.network.network import RoadNetwork
from tests.worlds.district import owner_of, scratch_database

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.db.cluster.embedded import EmbeddedCluster

MOST_MEMORY_BYTES = 1_500_000_000

LOAD = """
import pathlib, sys
from gridsvc.db.session.connection import Database
from gridsvc.operations.roads.networks import load_roads
from gridsvc.operations.runtime.service import Service
from tests.worlds.memory import peak_memory_bytes

service = Service(Database(sys.argv[1]), pathlib.Path(sys.argv[2]))
print(load_roads(service, "330703", path=pathlib.Path(sys.argv[3]))["network"])
print(peak_memory_bytes())
"""


def write_lattice(path: Path, blocks: int) -> Path:
    """Write blocks + 1 streets each way, which meet at every crossing: 4 * blocks * (blocks + 1) arcs."""
    lon = np.linspace(119.5, 120.1, blocks + 1).round(7).tolist()
    lat = np.linspace(28.9, 29.4, blocks + 1).round(7).tolist()
    # Two classes, so that no corner of the lattice is a bend of one street.
    lines = [("residential", [[x, y] for x in lon]) for y in lat] + [("secondary", [[x, y] for y in lat]) for x in lon]
    features = [
        {
            "type": "Feature",
            "properties": {"highway": highway},
            "geometry": {"type": "LineString", "coordinates": line},
        }
        for highway, line in lines
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


@pytest.mark.parametrize(
    ("blocks", "pieces"), [(60, 1), pytest.param(1085, 53, marks=[pytest.mark.long, pytest.mark.timeout(1800)])]
)
def test_a_network_is_loaded_backed_up_and_restored(
    cluster: EmbeddedCluster, url: str, tmp_path: Path, blocks: int, pieces: int
) -> None:
    roads = write_lattice(tmp_path / "roads.geojson", blocks)
    words = [sys.executable, "-c", LOAD, url, str(tmp_path / "here"), str(roads)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    digest, peak = done.stdout.split()
    assert int(peak) < MOST_MEMORY_BYTES

    write_backup(owner_of(url), tmp_path / "a.backup")
    with scratch_database(cluster, migrated=False) as elsewhere:
        restore_backup(owner_of(elsewhere), read_backup(tmp_path / "a.backup"))
        with psycopg.connect(owner_of(elsewhere).replace("+psycopg", "")) as connection:
            stored = connection.execute("select count(*), max(octet_length(content)) from artifact_piece").fetchone()
            edges = connection.execute("select count(*) from road_edge").fetchone()
        database = Database(elsewhere)
        with database.transaction() as connection:
            network = RoadNetwork.open(open_artifact(connection, tmp_path / "there", "330703", digest))
        database.close()
    assert network.arc_count == 4 * blocks * (blocks + 1)
    assert edges == (2 * blocks * (blocks + 1),)
    assert stored is not None
    assert stored[0] == pieces
    assert stored[1] <= PIECE_BYTES
