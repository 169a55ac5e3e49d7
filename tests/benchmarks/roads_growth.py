"""How time and memory of the road engine and its peers grow: 28 thousand, a million and 4.7 million arcs.

Each size runs in a process of its own. What was measured goes to docs/charts/roads.json, and charts of it beside.
Takes a quarter of an hour. rustworkx and networkx are not asked beyond a million arcs, pandana not beyond 28 thousand.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridsvc.operations.runtime.kernels import load_all
from gridsvc.roads.search.hierarchy import build_hierarchy, customised
from gridsvc.roads.search.matrices import customised_for, keep_hierarchy
from gridsvc.roads.search.search import node_milliseconds
from gridsvc.roads.search.snapping import place
from tests.benchmarks.charts import lines
from tests.benchmarks.roads import LIMITS, closures, figure, first_at_the_scene, matrix
from tests.benchmarks.roads_peers import Networkx, Pandana, Peer, RoutingKit, Rustworkx, Scipy, peers_of
from tests.benchmarks.roads_town import HEIDELBERG, SIZES, Town, best_s
from tests.worlds.memory import peak_memory_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT = Path(__file__).resolve().parents[2]
CHARTS = PROJECT / "docs" / "charts"
OURS = "gridsvc"
OURS_FOR_SEARCHES = "of it for searches"
ARCS = "of the network file, the arcs"
PEERS: dict[str, tuple[type[Peer], ...]] = {
    "28k": (Scipy, RoutingKit, Rustworkx, Networkx, Pandana),
    "1M": (Scipy, RoutingKit, Rustworkx, Networkx),
    "4.7M": (Scipy, RoutingKit),
}


def rows() -> list[dict[str, Any]]:
    """Return the figures of every size and draw them; none where the roads are not there."""
    if not HEIDELBERG.is_file():
        return []
    measured = []
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            # not on the standard output: pandana writes there
            out = Path(folder) / f"{size}.json"
            subprocess.run(
                [sys.executable, "-m", "tests.benchmarks.roads_growth", size, str(out)], cwd=PROJECT,
                stdout=subprocess.DEVNULL, check=True,
            )  # fmt: skip
            measured.append(json.loads(out.read_text(encoding="utf-8")))
    result = {"measured": datetime.now(UTC).date().isoformat(), "sizes": measured}
    CHARTS.mkdir(parents=True, exist_ok=True)
    (CHARTS / "roads.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    draw(result)
    return [row for one in measured for row in one["rows"]]


def measure(size: str) -> dict[str, Any]:
    """Ask everything of one size."""
    load_all()
    town = Town(SIZES[size])
    net = town.network
    started = time.process_time()
    hierarchy = keep_hierarchy(net, build_hierarchy(net))
    ordered_s = time.process_time() - started
    customised_s = best_s(lambda: customised(hierarchy, town.weights), rounds=2)[0]
    weighted = customised_for(net, hierarchy, town.weights)
    megabytes = {
        "network file": len(net.to_bytes()) / 1e6,
        ARCS: sum(a.nbytes for a in (net.out_first, net.in_first, net.arc_head, net.arc_tail)) / 1e6,
        "hierarchy file": len(hierarchy.to_bytes()) / 1e6,
        "weights": (town.weights.out_arcs.nbytes + town.weights.in_arcs.nbytes + town.weights.slot_ms.nbytes) / 1e6,
        "customised": (weighted.up.nbytes + weighted.down.nbytes) / 1e6,
    }
    nearest_limit, matrix_limit, closure_limit = LIMITS.get(size, (None, None, None))
    alone = [*closures(town, size, closure_limit)]
    singles = [place(town.calls, i) for i in range(10)]
    flood_s = best_s(lambda: [node_milliseconds(net, one, "to", town.weights, 900.0) for one in singles], rounds=3)[0]
    ours_peak = peak_memory_bytes() / 1e6
    peers = peers_of(town, *PEERS[size])
    both = [first_at_the_scene(town, peers, size, nearest_limit), matrix(town, peers, size, matrix_limit)]
    prepared = figure(f"order and customise, {size} arcs", ordered_s + customised_s, "s",
                      {peer.name: peer.seconds_to_prepare for peer in peers}, None, {})  # fmt: skip
    whole = sum(value for name, value in megabytes.items() if name != ARCS)
    beside = {OURS_FOR_SEARCHES: whole - megabytes["network file"] + megabytes[ARCS]}
    beside |= {peer.name: peer.megabytes for peer in peers}
    memory = figure(f"memory, {size} arcs", whole, "MB", beside, None, {})
    fifteen = figure(f"15 minutes to a place, node set, {size} arcs", 1e3 * flood_s / len(singles), "ms", {}, None, {})
    return {
        "size": size, "arcs": len(town.tail), "arcs_of_all_profiles": net.arc_count, "nodes": net.node_count,
        "teams": len(town.teams), "upward_arcs": len(hierarchy.head), "customised_ms": 1e3 * customised_s,
        "megabytes": megabytes, "peak_megabytes_with_building": ours_peak,
        "rows": [*both, *alone, prepared, memory, fifteen],
    }  # fmt: skip


def draw(result: Mapping[str, Any]) -> None:
    """Draw one chart a question from what was measured."""
    sizes = result["sizes"]
    questions = {
        "nearest": ("Snap and find the nearest 5 teams (60 a town)", "microseconds, one thread", "nearest 5 of", 1.0),
        "matrix": ("Matrix of 200 x 20,000", "milliseconds, one thread", "matrix", 1.0),
        "closure": ("A closure of 400 m, until it acts", "milliseconds, one thread", "a closure until", 1.0),
        "memory": ("Memory of the graph and what is prepared over it", "megabytes", "memory", 1.0),
        "prepare": ("Preparing, once a network", "seconds, one thread", "order and customise", 1.0),
    }
    for name, (title, unit, part, scale) in questions.items():
        series: dict[str, list[tuple[float, float]]] = {}
        targets: dict[str, list[tuple[float, float]]] = {}
        for one in sizes:
            for row in (row for row in one["rows"] if part in row["name"]):
                label = OURS
                if name == "closure":
                    label = "single searches" if "next query" in row["name"] else "teams prepared again"
                series.setdefault(label, []).append((one["arcs"], scale * row["value"]))
                for peer, value in row["peers"].items():
                    if value <= 0:
                        # less than the clock tells apart
                        continue
                    label = "customised whole" if name == "closure" else peer
                    series.setdefault(label, []).append((one["arcs"], scale * value))
                if row["target"]:
                    limit = float(row["target"].split()[1])
                    targets.setdefault("wanted", []).append((one["arcs"], limit))
        picture = lines(title, "arcs that anybody may drive", unit, series, targets)
        (CHARTS / f"roads-{name}.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(measure(sys.argv[1])), encoding="utf-8")
