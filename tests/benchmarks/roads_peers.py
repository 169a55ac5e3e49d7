"""What one would use instead of the road engine, over the same arcs: scipy, pyroutingkit, rustworkx, networkx, pandana.

Each answers two questions: the times of the teams to a call, and one row of a matrix. All run on one thread; those
that know no limit search the whole network. Their places are nodes; ours are snapped within the time.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import time
import warnings
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse.csgraph import dijkstra

if TYPE_CHECKING:
    from tests.benchmarks.roads_town import Town


class Peer(ABC):
    """One library with its graph; `seconds_to_prepare` and `megabytes` are what the graph cost."""

    name = ""
    rows_measured = 1
    counted_megabytes = 0.0

    def __init__(self, town: Town) -> None:
        self.town = town
        self.teams, self.calls = town.nodes(town.teams), town.nodes(town.calls)
        gc.collect()
        before, started = resident_bytes(), time.process_time()
        self.prepare()
        self.seconds_to_prepare = time.process_time() - started
        gc.collect()
        # arrays are counted; what a library keeps to itself is what the process grew by
        self.megabytes = self.counted_megabytes or (resident_bytes() - before) / 1e6

    @abstractmethod
    def prepare(self) -> None:
        """Build the graph."""

    @abstractmethod
    def teams_at(self, call: int, limit_s: float) -> None:
        """Work out how long the teams need to a call, as far as the limit where the library has one."""

    @abstractmethod
    def matrix(self, origins: np.ndarray, destinations: np.ndarray) -> None:
        """Fill a matrix, or the first `rows_measured` rows of it."""


class Scipy(Peer):
    name = "scipy with limit"
    rows_measured = 5

    def prepare(self) -> None:
        self.forward, self.backward = self.town.graph.copy(), self.town.backward.copy()
        arrays = [a for graph in (self.forward, self.backward) for a in (graph.data, graph.indices, graph.indptr)]
        self.counted_megabytes = sum(a.nbytes for a in arrays) / 1e6

    def teams_at(self, call: int, limit_s: float) -> None:
        result = dijkstra(self.backward, indices=self.calls[call], limit=limit_s)[self.teams]
        np.argsort(result)[:5]

    def matrix(self, origins: np.ndarray, destinations: np.ndarray) -> None:
        dijkstra(self.forward, indices=origins[:5])[:, destinations]


class RoutingKit(Peer):
    name = "pyroutingkit"
    rows_measured = 0

    def prepare(self) -> None:
        import pyroutingkit

        town = self.town
        net = town.network
        junction = np.repeat(np.arange(len(net.junction_lon)), np.diff(net.junction_first))
        lat, lon = (values[junction] * 1e-7 for values in (net.junction_lat, net.junction_lon))
        self.topology = pyroutingkit.CCHTopology()
        self.topology.build(
            town.tail.astype(np.uint32), town.head.astype(np.uint32), lat.astype(np.float32), lon.astype(np.float32),
            net.node_count,
        )  # fmt: skip
        self.metric = pyroutingkit.CCHMetric(self.topology)
        self.metric.customize(town.ms.astype(np.uint32))

    def teams_at(self, call: int, limit_s: float) -> None:
        result = self.metric.distances_many_to_many(
            self.teams.astype(np.uint32), self.calls[call : call + 1].astype(np.uint32)
        )
        np.argsort(np.array(result).reshape(-1))[:5]

    def matrix(self, origins: np.ndarray, destinations: np.ndarray) -> None:
        self.metric.distances_many_to_many(origins.astype(np.uint32), destinations.astype(np.uint32))


class Rustworkx(Peer):
    name = "rustworkx"

    def prepare(self) -> None:
        import rustworkx

        # turned round: from the call to the teams
        self.graph = rustworkx.PyDiGraph()
        self.graph.add_nodes_from(range(self.town.network.node_count))
        seconds = (np.maximum(self.town.ms, 1) / 1000).tolist()
        self.graph.add_edges_from(list(zip(self.town.head.tolist(), self.town.tail.tolist(), seconds, strict=True)))
        self.search = rustworkx.digraph_dijkstra_shortest_path_lengths

    def teams_at(self, call: int, limit_s: float) -> None:
        result = self.search(self.graph, int(self.calls[call]), float)
        sorted(result[team] for team in self.teams.tolist() if team in result)[:5]

    def matrix(self, origins: np.ndarray, destinations: np.ndarray) -> None:
        result = self.search(self.graph, int(origins[0]), float)
        [result[node] for node in destinations.tolist() if node in result]


class Networkx(Peer):
    name = "networkx with cutoff"

    def prepare(self) -> None:
        import networkx as nx

        self.graph: Any = nx.DiGraph()
        seconds = (np.maximum(self.town.ms, 1) / 1000).tolist()
        self.graph.add_weighted_edges_from(zip(self.town.head.tolist(), self.town.tail.tolist(), seconds, strict=True))
        self.search = nx.single_source_dijkstra_path_length

    def teams_at(self, call: int, limit_s: float) -> None:
        result = self.search(self.graph, int(self.calls[call]), cutoff=limit_s)
        sorted(result[team] for team in self.teams.tolist() if team in result)[:5]

    def matrix(self, origins: np.ndarray, destinations: np.ndarray) -> None:
        result = self.search(self.graph, int(origins[0]))
        [result[node] for node in destinations.tolist() if node in result]


class Pandana(Peer):
    """Its contraction hierarchy answers pairs; its nearest points of interest only for every node at once."""

    name = "pandana"

    def prepare(self) -> None:
        import pandana
        import pandas as pd

        net = self.town.network
        junction = np.repeat(np.arange(len(net.junction_lon)), np.diff(net.junction_first))
        lon, lat = (pd.Series(v[junction] * 1e-7) for v in (net.junction_lon, net.junction_lat))
        seconds = pd.DataFrame({"seconds": np.maximum(self.town.ms, 1) / 1000})
        self.network = pandana.Network(
            lon, lat, pd.Series(self.town.tail), pd.Series(self.town.head), seconds, twoway=False
        )

    def teams_at(self, call: int, limit_s: float) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = self.network.shortest_path_lengths(self.teams.tolist(), [int(self.calls[call])] * len(self.teams))
        sorted(result)[:5]

    def matrix(self, origins: np.ndarray, destinations: np.ndarray) -> None:
        with warnings.catch_warnings():
            # of those that nothing leads to
            warnings.simplefilter("ignore")
            self.network.shortest_path_lengths([int(origins[0])] * len(destinations), destinations.tolist())


_MODULES: dict[type[Peer], str] = {
    Scipy: "scipy", RoutingKit: "pyroutingkit", Rustworkx: "rustworkx", Networkx: "networkx", Pandana: "pandana",
}  # fmt: skip


def peers_of(town: Town, *kinds: type[Peer]) -> list[Peer]:
    """Build the graphs of those libraries that are installed."""
    os.environ["OMP_NUM_THREADS"] = "1"
    return [kind(town) for kind in kinds if importlib.util.find_spec(_MODULES[kind]) is not None]


def resident_bytes() -> int:
    """Return what this process has in memory now."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
