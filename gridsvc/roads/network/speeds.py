"""How fast a class of road is driven where nobody measured it, and what costs time beside driving.

Every figure is a default; `gridsvc roads calibrate` replaces them from recorded runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

CLASSES = (
    "motorway", "motorway_link", "trunk", "trunk_link", "primary", "primary_link", "secondary", "secondary_link",
    "tertiary", "tertiary_link", "unclassified", "residential", "living_street", "service", "road", "track",
    "pedestrian", "busway", "gate",
)  # fmt: skip
"""Values of OpenStreetMap's `highway` that a vehicle may use, in the order of `RoadNetwork.edge_class`; a gate is an
edge without length, at a barrier."""

CLASS_NUMBER = {name: number for number, name in enumerate(CLASSES)}

SURFACE, ENCLOSED, RAISED, COVERED = range(4)
LEVELS = ("surface", "motorway", "bridge", "tunnel")
"""Where a piece of road is: beside the ground, or without access from its side (a motorway between its fences, a bridge
above, a tunnel below)."""

# Driven, not posted, speeds. Europe: close to OSRM's car profile (profiles/car.lua: motorway 90, trunk 85, primary 65,
# secondary 55, tertiary 40, residential 25, living_street 10, service 15), the motorway raised to free flow.
EUROPE_KPH = {
    "motorway": 105, "motorway_link": 50, "trunk": 85, "trunk_link": 45, "primary": 65, "primary_link": 35,
    "secondary": 55, "secondary_link": 30, "tertiary": 42, "tertiary_link": 25, "unclassified": 32,
    "residential": 26, "living_street": 10, "service": 15, "road": 25, "track": 12, "pedestrian": 8, "busway": 25,
}  # fmt: skip

# China: posted by 道路交通安全法实施条例 art. 45 (30/40 without, 50/70 with one lane a direction), art. 78 (60 to 120
# on motorways), design speeds of CJJ 37-2012 (expressway 60 to 100, arterial 40 to 60, secondary 30 to 50, branch 20 to
# 40); driven = 0.85 of the middle of each.
CHINA_KPH = {
    "motorway": 95, "motorway_link": 40, "trunk": 65, "trunk_link": 35, "primary": 50, "primary_link": 30,
    "secondary": 42, "secondary_link": 26, "tertiary": 34, "tertiary_link": 24, "unclassified": 30,
    "residential": 24, "living_street": 10, "service": 15, "road": 24, "track": 12, "pedestrian": 8, "busway": 25,
}  # fmt: skip

SURFACE_KPH = {
    "unpaved": 40, "gravel": 40, "fine_gravel": 40, "compacted": 50, "pebblestone": 30, "cobblestone": 30,
    "unhewn_cobblestone": 20, "sett": 40, "grass_paver": 20, "dirt": 25, "earth": 25, "ground": 25, "grass": 15,
    "sand": 15, "mud": 10, "wood": 20, "metal": 40, "stone": 20, "rock": 20,
}  # fmt: skip
"""The most that a surface allows (after OSRM's car.lua `surface_speeds`, lowered for a loaded van)."""

TRACKTYPE_KPH = {"grade1": 30, "grade2": 20, "grade3": 15, "grade4": 10, "grade5": 6}

ZONE_KPH = {
    "urban": 50, "rural": 90, "motorway": 120, "trunk": 100, "nsl_single": 97, "nsl_dual": 113, "living_street": 10,
    "bicycle_road": 30, "school": 30, "zone30": 30, "zone:30": 30, "zone20": 20, "zone:20": 20, "walk": 7,
    "cn:urban": 50, "cn:rural": 70, "cn:motorway": 120, "cn:expressway": 80, "de:rural": 100, "de:urban": 50,
    "de:motorway": 130, "at:rural": 100, "ch:rural": 80, "ch:urban": 50, "ch:motorway": 120, "li:rural": 80,
}  # fmt: skip
"""Posted limits of the zones that `maxspeed` names instead of a number (OSM wiki, Default speed limits)."""

UNLIMITED_KPH = 130.0
"""For `maxspeed=none`: the German recommended speed."""

FASTEST_KPH = 130.0
"""No road is taken to be driven faster, whatever its tag says."""


@dataclass(frozen=True, slots=True)
class Speeds:
    """The defaults of one region, and the settings of what else costs time."""

    class_kph: dict[str, float] = field(default_factory=lambda: dict(EUROPE_KPH))
    posted_share: float = 0.9
    """Driven over posted speed (GraphHopper's car model takes 0.9)."""
    signal_s: float = 2.0
    """A traffic signal, in the normal profile (OSRM car.lua `traffic_signal_penalty`)."""
    emergency_signal_s: float = 1.0
    """The same for a vehicle that is let through but has to look."""
    gate_s: float = 10.0
    """A gate or lifting barrier that opens for anybody (an estimate; no source)."""
    emergency_gate_s: float = 30.0
    """A locked gate, a chain, a bollard that can be taken out: somebody has to step out (an estimate)."""
    contraflow_kph: float = 10.0
    """Against a one-way street; never against a motorway, a trunk road or a roundabout."""
    private_kph: float = 15.0
    """On ways that only an emergency opens: private grounds, footways wide enough, fields."""
    forbidden_turn_s: float = 10.0
    """A turn that signs forbid, made under warning lights."""


def speeds_for(lon: float, lat: float) -> Speeds:
    """Choose the region's defaults by a place in it: mainland China's box south of 50 degrees, else Europe's.

    The box takes in Mongolia and Korea; a caller who knows better passes `Speeds` itself.
    """
    if 73.0 <= lon <= 135.1 and 18.0 <= lat <= 53.6:
        return Speeds(class_kph=dict(CHINA_KPH))
    return Speeds()
