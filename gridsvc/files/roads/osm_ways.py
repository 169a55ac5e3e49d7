"""The roads of an OpenStreetMap file in two passes: which points roads need, then those points.

Only needed points are ever handed to Python, so that a whole country fits; no order of the file is assumed, and ids
may be negative. All values are kept in arrays.
"""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import osmium

from gridsvc.errors import InvalidInput
from gridsvc.files.osm.locations import read_locations
from gridsvc.roads.network.speeds import Speeds, speeds_for
from gridsvc.roads.network.survey import Restriction, Survey
from gridsvc.roads.network.tags import read_barrier, read_way

if TYPE_CHECKING:
    from pathlib import Path

    from osmium.osm import Node, Relation, Way

    from gridsvc.files.osm.locations import Located

TURN_KINDS = ("no_", "only_")
EXCEPT_US = {"motorcar", "motor_vehicle", "vehicle"}


def read_survey(path: Path, speeds: Speeds | None = None) -> tuple[Survey, Speeds]:
    """Read ways, points, barriers and turn restrictions; the region's speeds where none are given.

    Raises InvalidInput for a file that is missing, no OpenStreetMap file, or cut short.
    """
    if not path.is_file():
        raise InvalidInput(f"There is no file {path}.", kind="no-file")
    try:
        where = speeds or _regional(path)
        ways = _Ways(where)
        restrictions: list[Restriction] = []
        turns: Counter[str] = Counter()
        for thing in osmium.FileProcessor(str(path), osmium.osm.WAY | osmium.osm.RELATION):
            if isinstance(thing, osmium.osm.Way):
                ways.take(thing)
            elif isinstance(thing, osmium.osm.Relation) and (thing.tags.get("type") or "").startswith("restriction"):
                restriction, verdict = _restriction(thing)
                turns[verdict] += 1
                if restriction is not None:
                    restrictions.append(restriction)
        needed = np.unique(np.frombuffer(ways.points, np.int64)) if ways.points else np.empty(0, np.int64)
        signs = _Signs()
        points = read_locations(path, needed, ("highway", "barrier"), signs.take)
    except RuntimeError as broken:
        raise InvalidInput(
            f"{path.name} cannot be read as an OpenStreetMap file ({broken}). It may be cut short: download it again "
            "and compare its checksum.",
            kind="broken-file",
        ) from broken
    report: dict[str, Any] = {
        "ways": len(ways.ids),
        "ways_left_out": dict(ways.left_out),
        "turn_restrictions": dict(turns),
    }
    return ways.survey(points, signs, tuple(restrictions), report), where


def _regional(path: Path) -> Speeds:
    """Choose the speeds of the region by the file's box, else by the first node that comes."""
    box = osmium.io.Reader(str(path), osmium.osm.NOTHING).header().box()
    if box.valid():
        return speeds_for((box.bottom_left.lon + box.top_right.lon) / 2, (box.bottom_left.lat + box.top_right.lat) / 2)
    for node in osmium.FileProcessor(str(path), osmium.osm.NODE):
        if isinstance(node, osmium.osm.Node):
            return speeds_for(node.lon, node.lat)
    return Speeds()


class _Signs:
    """Which points have a traffic signal, and which a barrier."""

    def __init__(self) -> None:
        self.signals = array("q")
        self.barriers: dict[int, tuple[bool, bool]] = {}

    def take(self, node: Node) -> None:
        if node.tags.get("highway") == "traffic_signals":
            self.signals.append(node.id)
        if "barrier" in node.tags and (opens := read_barrier(dict(node.tags))) is not None:
            self.barriers[node.id] = opens


class _Ways:
    def __init__(self, speeds: Speeds) -> None:
        self.speeds = speeds
        self.ids = array("q")
        self.first = array("q", [0])
        self.points = array("q")
        self.road_class = array("B")
        self.kph = array("f")
        self.roundabout = array("b")
        self.level = array("B")
        self.name = array("i")
        self.names: dict[str, int] = {}
        self.left_out: Counter[str] = Counter()

    def take(self, way: Way) -> None:
        kind = way.tags.get("highway")
        if kind is None:
            return
        tags = dict(way.tags)
        driving = read_way(tags, self.speeds)
        if driving is None:
            self.left_out["area" if tags.get("area") == "yes" else kind] += 1
            return
        self.ids.append(way.id)
        self.points.extend(node.ref for node in way.nodes)
        self.first.append(len(self.points))
        self.road_class.append(driving.road_class)
        self.kph.extend(driving.kph)
        self.roundabout.append(driving.roundabout)
        self.level.append(driving.level)
        name = tags.get("name") or tags.get("ref")
        self.name.append(-1 if name is None else self.names.setdefault(name, len(self.names)))

    def survey(
        self, points: Located, signs: _Signs, restrictions: tuple[Restriction, ...], report: dict[str, Any]
    ) -> Survey:
        with_barrier = points.ids[np.isin(points.ids, np.array(list(signs.barriers), np.int64))].tolist()
        return Survey(
            point=points.ids,
            lon=points.lon,
            lat=points.lat,
            signal=np.isin(points.ids, np.array(signs.signals, np.int64)),
            way=np.array(self.ids, np.int64),
            way_first=np.array(self.first, np.int64),
            way_point=np.array(self.points, np.int64),
            road_class=np.array(self.road_class, np.uint8),
            kph=np.array(self.kph, np.float32).reshape(-1, 4),
            roundabout=np.array(self.roundabout, bool),
            name=np.array(self.name, np.int32),
            names=tuple(self.names),
            barriers={number: signs.barriers[number] for number in with_barrier},
            restrictions=restrictions,
            level=np.array(self.level, np.uint8),
            report=report,
        )


def _restriction(relation: Relation) -> tuple[Restriction | None, str]:
    """Read a turn restriction; what became of it comes second."""
    tags = dict(relation.tags)
    result = tags.get("restriction") or tags.get("restriction:motorcar") or tags.get("restriction:motor_vehicle")
    if result is None:
        return None, "conditional" if any("conditional" in key for key in tags) else "for_other_vehicles"
    if any(key in tags for key in ("day_on", "hour_on")):
        return None, "timed"
    exempt = {part.strip() for part in (tags.get("except") or tags.get("exception") or "").split(";")}
    if exempt & EXCEPT_US:
        return None, "not_for_cars"
    if not result.startswith(TURN_KINDS):
        return None, "unknown"
    members: dict[str, list[tuple[str, int]]] = {"from": [], "via": [], "to": []}
    for member in relation.members:
        if member.role in members:
            members[member.role].append((member.type, member.ref))
    ways = {role: tuple(ref for kind, ref in members[role] if kind == "w") for role in members}
    via_points = [ref for kind, ref in members["via"] if kind == "n"]
    if not ways["from"] or not ways["to"] or len(via_points) + bool(ways["via"]) != 1:
        return None, "incomplete"
    many = result in {"no_entry", "no_exit"}
    if not many and (len(ways["from"]) > 1 or len(ways["to"]) > 1):
        return None, "incomplete"
    via = via_points[0] if via_points else None
    return Restriction(result.startswith("only_"), ways["from"], ways["to"], via, ways["via"]), "read"
