"""Points of OpenStreetMap files: every order of a file, ids of both signs, and memory that does not follow the ids."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import osmium
import pytest
from osmium.osm.mutable import Node

from gridsvc.files.osm import locations
from gridsvc.files.osm.locations import read_locations

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SPREAD = 30_000_000
"""Between two ids: each is in a block of its own of osmium's set of ids."""


def place(number: int) -> tuple[float, float]:
    return (abs(number) % 997 / 10, abs(number) % 83 / 10 + 0.0000001)


def write(path: Path, ids: Sequence[int], *, declared: bool = False) -> Path:
    header = osmium.io.Header()
    if declared:
        header.set("sorting", "Type_then_ID")
    with osmium.SimpleWriter(str(path), header=header, overwrite=True) as writer:
        for number in ids:
            writer.add_node(
                Node(id=number, location=place(number), tags={"barrier": "gate"} if number % 3 == 0 else {})
            )
    return path


@pytest.mark.parametrize(
    ("ids", "declared"),
    [
        (range(1, 400), True),
        (range(1, 400), False),
        (range(399, 0, -1), False),
        (range(-200, 200), True),
        (range(-200, 200), False),
        (range(-1, -400, -1), False),
    ],
)
@pytest.mark.parametrize("most_bytes", [locations.TABLE_FILE_BYTES, 0])
def test_every_order_gives_the_points_of_the_file_in_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ids: Sequence[int], declared: bool, most_bytes: int
) -> None:
    monkeypatch.setattr(locations, "TABLE_FILE_BYTES", most_bytes)
    scattered = [number * SPREAD for number in ids]
    path = write(tmp_path / "a.osm.pbf", scattered, declared=declared)
    wanted = [number for number in scattered if number % 7 == 0]
    absent = [number + 1 for number in wanted if number > 0][:5]
    tagged: list[int] = []
    found = read_locations(path, np.unique([*wanted, *absent]), ("barrier",), lambda node: tagged.append(node.id))
    assert found.ids.tolist() == wanted
    assert np.allclose(np.column_stack([found.lon, found.lat]), [place(number) for number in wanted], rtol=0, atol=5e-8)
    assert tagged == [number for number in scattered if number % 3 == 0]


def test_memory_follows_the_number_of_points_not_their_ids(tmp_path: Path) -> None:
    """Ids up to 12 thousand million, as OpenStreetMap has today: osmium's own filter takes 1.5 GB for them."""
    path = write(tmp_path / "a.osm.pbf", [number * SPREAD for number in range(1, 400)])
    code = (
        "import sys, pathlib, numpy, osmium\n"
        "from gridsvc.files.osm.locations import read_locations\n"
        "from tests.worlds.memory import peak_memory_bytes\n"
        "before = peak_memory_bytes()\n"
        f"needed = numpy.arange(1, 400) * {SPREAD}\n"
        "assert len(read_locations(pathlib.Path(sys.argv[1]), needed, ('barrier',), lambda node: None).ids) == 399\n"
        "print(peak_memory_bytes() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 150 << 20
