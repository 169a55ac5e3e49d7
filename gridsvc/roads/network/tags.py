"""What OpenStreetMap's tags say to a driver: may I, which way, how fast; on ways and at barriers.

Follows the OSM wiki (Key:access, Key:oneway, Key:maxspeed, Key:barrier). Not handled: conditional tags
(`access:conditional`), lanes, and limits by weight, height or width.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.roads.network.speeds import (
    CLASS_NUMBER,
    COVERED,
    ENCLOSED,
    FASTEST_KPH,
    RAISED,
    SURFACE,
    SURFACE_KPH,
    TRACKTYPE_KPH,
    UNLIMITED_KPH,
    ZONE_KPH,
    Speeds,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCESS_KEYS = ("motorcar", "motor_vehicle", "vehicle", "access")
"""From the most special to the most general: the first that is there decides."""

SHUT = {
    "no", "private", "agricultural", "forestry", "military", "permit", "emergency", "delivery", "psv", "bus",
    "restricted", "residents", "staff", "employees",
}  # fmt: skip
OPEN = {"yes", "designated", "permissive", "destination", "customers", "public"}

ON_FOOT_FIRST = {"track", "pedestrian", "busway"}
"""Classes that are open to anybody's car only where a tag says so, and to an emergency always."""

OPEN_TUNNELS = {"no", "building_passage", "culvert"}
"""Of Key:tunnel, what is no tunnel to a person who stands there: a gateway of a house, a road above a culvert."""

NO_CONTRAFLOW = {"motorway", "motorway_link", "trunk", "trunk_link"}

# barrier -> (open for anybody, open in an emergency) where no access tag says otherwise (OSM wiki, Key:barrier; as
# OSRM's car.lua a gate without a tag opens)
BARRIERS = {
    "gate": (True, True), "lift_gate": (True, True), "swing_gate": (True, True), "sliding_gate": (True, True),
    "hampshire_gate": (True, True), "wicket_gate": (False, True), "bump_gate": (True, True), "chain": (False, True),
    "bollard": (False, False), "block": (False, False), "cycle_barrier": (False, False),
    "motorcycle_barrier": (False, False), "jersey_barrier": (False, False), "debris": (False, False),
    "log": (False, False), "fence": (False, False), "wall": (False, False), "turnstile": (False, False),
    "kissing_gate": (False, False), "stile": (False, False), "planter": (False, False), "hedge": (False, False),
    "bus_trap": (False, False), "sump_buster": (False, True), "spikes": (False, False), "ditch": (False, False),
    "full-height_turnstile": (False, False), "horse_stile": (False, False), "guard_rail": (False, False),
}  # fmt: skip
REMOVABLE_BOLLARDS = {"removable", "rising", "foldable", "flexible"}


@dataclass(frozen=True, slots=True)
class Driving:
    """Speeds of one way in km/h, 0 = closed: normal forward, normal backward, emergency forward, emergency backward."""

    road_class: int
    kph: tuple[float, float, float, float]
    roundabout: bool = False
    level: int = SURFACE


def read_way(tags: Mapping[str, str], speeds: Speeds) -> Driving | None:
    """Read the tags of a way; None where it is no road for vehicles at all."""
    name = tags.get("highway", "")
    if name not in CLASS_NUMBER or name == "gate" or tags.get("area") == "yes":
        return None
    if tags.get("route") in {"ferry", "shuttle_train"} or tags.get("smoothness") == "impassable":
        return None
    if tags.get("impassable") == "yes":
        return None
    may = may_anybody(tags)
    anybody = may is True if name in ON_FOOT_FIRST else may is not False
    in_emergency = tags.get("emergency") != "no"
    roundabout = tags.get("junction") in {"roundabout", "circular"}
    forward, backward = directions(tags, name, roundabout=roundabout)
    by_class = speeds.class_kph[name]
    normal = [driven_kph(tags, by_class, speeds, side) for side in ("forward", "backward")]
    emergency = list(normal) if anybody else [min(kph, speeds.private_kph) for kph in normal]
    contraflow = 0.0 if name in NO_CONTRAFLOW or roundabout else speeds.contraflow_kph
    if tags.get("oneway:emergency") == "no":
        contraflow = FASTEST_KPH
    if not forward:
        emergency[0] = min(contraflow, emergency[0])
    if not backward:
        emergency[1] = min(contraflow, emergency[1])
    normal = [normal[0] if anybody and forward else 0.0, normal[1] if anybody and backward else 0.0]
    if not in_emergency:
        emergency = list(normal)
    # what anybody may, an emergency may
    emergency = [max(a, b) for a, b in zip(normal, emergency, strict=True)]
    if not any(emergency):
        return None
    return Driving(
        CLASS_NUMBER[name], (normal[0], normal[1], emergency[0], emergency[1]), roundabout, level_of(tags, name)
    )


def level_of(tags: Mapping[str, str], name: str) -> int:
    """Say where the road is (`speeds.LEVELS`): in a tunnel, on a bridge, between fences, or on the surface."""
    if tags.get("tunnel", "no") not in OPEN_TUNNELS:
        return COVERED
    if tags.get("bridge", "no") != "no":
        return RAISED
    if name in {"motorway", "motorway_link"} or tags.get("motorroad") == "yes":
        return ENCLOSED
    return SURFACE


def may_anybody(tags: Mapping[str, str]) -> bool | None:
    """Say whether the access tags open (True) or close (False) it to anybody's car; None = they do not say."""
    for key in ACCESS_KEYS:
        if value := tags.get(key):
            values = {part.strip() for part in value.lower().split(";")}
            if values & OPEN:
                return True
            if values & SHUT:
                return False
    return None


def directions(tags: Mapping[str, str], name: str, *, roundabout: bool) -> tuple[bool, bool]:
    """Say whether the law lets a car go forward and backward along the way."""
    allowed = tags.get("oneway:motorcar") or tags.get("oneway:motor_vehicle") or tags.get("oneway:vehicle")
    allowed = allowed or tags.get("oneway")
    if allowed in {"yes", "true", "1"}:
        return True, False
    if allowed in {"-1", "reverse"}:
        return False, True
    if allowed is None and (roundabout or name == "motorway"):
        return True, False
    return True, True


def driven_kph(tags: Mapping[str, str], by_class: float, speeds: Speeds, side: str) -> float:
    """Estimate the driven speed from the posted limit, else from the class; surface and track type cap it."""
    posted = posted_kph(tags.get(f"maxspeed:{side}") or tags.get("maxspeed") or "")
    kph = by_class if posted is None else min(posted * speeds.posted_share, FASTEST_KPH)
    if posted is None and (advised := posted_kph(tags.get("maxspeed:advisory", ""))) is not None:
        kph = min(kph, advised)
    if tags.get("highway") in {"service", "track", "pedestrian"}:
        kph = min(kph, max(by_class, 20.0))
    for table, key in ((SURFACE_KPH, "surface"), (TRACKTYPE_KPH, "tracktype")):
        if tags.get("highway") == "track" or key == "surface":
            kph = min(kph, table.get(tags.get(key, ""), kph))
    return max(kph, 3.0)


NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*(mph|knots|km/h|kmh|kph)?")


def posted_kph(value: str) -> float | None:
    """Read a `maxspeed` as km/h: 50, 30 mph, CN:urban, none, walk, the smallest of a list; None = it does not say."""
    found = []
    for part in value.lower().replace("|", ";").split(";"):
        text = part.strip()
        if match := NUMBER.fullmatch(text):
            kph = float(match[1]) * {"mph": 1.609344, "knots": 1.852}.get(match[2] or "", 1.0)
            if 1.0 <= kph <= 200.0 and math.isfinite(kph):
                found.append(kph)
        elif text == "none":
            found.append(UNLIMITED_KPH)
        elif (zone := ZONE_KPH.get(text, ZONE_KPH.get(text.partition(":")[2]))) is not None:
            found.append(float(zone))
    return min(found) if found else None


def read_barrier(tags: Mapping[str, str]) -> tuple[bool, bool] | None:
    """Say whether a barrier on the road opens for anybody and in an emergency; None = it is no barrier to a car."""
    kind = tags.get("barrier", "")
    if kind not in BARRIERS:
        return None
    anybody, in_emergency = BARRIERS[kind]
    if kind == "bollard" and tags.get("bollard") in REMOVABLE_BOLLARDS:
        in_emergency = True
    allowed = may_anybody(tags)
    if allowed is not None and kind not in {"bollard", "block"}:
        anybody = allowed
        in_emergency = in_emergency or allowed
    elif allowed is True:
        anybody = in_emergency = True
    if tags.get("locked") == "yes":
        anybody = False
    if tags.get("emergency") in {"yes", "designated"}:
        in_emergency = True
    return anybody, in_emergency or anybody
