"""Vector tiles of the whole demo district at zoom 12, three layers joined: never drawn, drawn, and known already."""

from __future__ import annotations

import gzip
import math
import random
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.incidents import get, served_demo
from tests.benchmarks.load import Request, closed_loop

ZOOM = 12
CLIENTS = 8
# Grids, roads and one more: every trio is drawn anew, so that each tile can be asked for as often as there are trios.
TRIOS = ("grids,grid_labels,roads", "grids,roads,stations", "grids,roads,teams", "grids,roads,incidents")


@dataclass(frozen=True, slots=True)
class TileRequest(Request):
    """A tile, gzipped as a browser gets it; `tag` of the one that is known already."""

    tag: str | None = None

    def raw(self) -> bytes:
        known = f"If-None-Match: {self.tag}\r\n" if self.tag else ""
        return f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n{known}\r\n".encode()


def tiles_of(bounds: list[float]) -> list[tuple[int, int]]:
    """Return x, y of all tiles at ZOOM that lie in west, south, east, north."""

    def at(lon: float, lat: float) -> tuple[int, int]:
        n = 2**ZOOM
        y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n
        return int((lon + 180) / 360 * n), int(y)

    west, south, east, north = bounds
    (x0, y1), (x1, y0) = at(west, south), at(east, north)
    return [(x, y) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1)]


def rows() -> list[dict[str, Any]]:
    """Measure cold, warm and 304 throughput, and the largest tile."""
    with served_demo() as (port, _):
        places = tiles_of(get(port, "/tiles/grids.json")["bounds"])
        asked = [TileRequest("GET", f"/tiles/{trio}/{ZOOM}/{x}/{y}.mvt") for trio in TRIOS for x, y in places]
        random.Random(1).shuffle(asked)
        closed_loop(port, [TileRequest("GET", f"/tiles/roads/{ZOOM + 1}/0/0.mvt")] * CLIENTS, CLIENTS)  # open lines
        cold = closed_loop(port, asked, CLIENTS, keep=True)
        assert set(cold.statuses) <= {200, 204}, cold.statuses
        largest = max(map(len, cold.bodies))
        assert gzip.decompress(max(cold.bodies, key=len))
        still = [request for request in asked if TRIOS[0] in request.path] * 200
        closed_loop(port, still[:400], CLIENTS)
        warm = closed_loop(port, still[:6000], CLIENTS)
        tag = _tag(port, still[0].path)
        known = closed_loop(port, [TileRequest("GET", still[0].path, tag=tag)] * 6000, CLIENTS)
        assert known.statuses == {304: 6000}, known.statuses
    return [
        _row("tiles z12, three layers, cold", cold.per_second, "1/s", 150),
        _row("tiles z12, three layers, warm", warm.per_second, "1/s", 1500),
        _row("tiles z12, three layers, 304", known.per_second, "1/s", 2000),
        _row("tiles z12, three layers, the largest, gzip", largest / 1024, "KB", 120, least=False),
    ]


def _tag(port: int, path: str) -> str:
    from urllib.request import urlopen

    with urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        tag: str = answer.headers["ETag"]
    return tag


def _row(name: str, value: float, unit: str, target: float, *, least: bool = True) -> dict[str, Any]:
    met = value >= target if least else value <= target
    words = f"{'>=' if least else '<='} {target:g}"
    return {"name": name, "value": value, "unit": unit, "peers": {}, "ratio": None, "target": words, "met": met}
