"""Which objects of OpenStreetMap are features that callers name: by their tags, with a name of their own.

A name that is only the word for what a thing is (停车场, Spielplatz) names no place.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.coordinates import LocalMetres
from gridsvc.places.features import (
    BRIDGE,
    LINES,
    PEAK,
    PLACE,
    RAILWAY,
    RIVER,
    STATION,
    STREAM,
    WATER,
    NamedFeature,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Tags = Mapping[str, str]
    Lonlat = tuple[float, float]

KEYS = ("waterway", "railway", "natural", "amenity", "tourism", "historic", "leisure", "man_made", "bridge:name",
        "aeroway", "shop")  # fmt: skip
"""Keys of which an object must have one to be a feature."""

NAMES = ("name", "bridge:name")
"""Keys of which it must have one, too."""

_WATERWAYS = {"river": RIVER, "canal": RIVER, "stream": STREAM, "drain": STREAM, "ditch": STREAM}
_RAILS = frozenset({"rail", "light_rail", "subway", "tram", "narrow_gauge", "monorail"})
_HALTS = frozenset({"station", "halt", "tram_stop"})
_NATURAL = {
    "peak": PEAK, "hill": PEAK, "volcano": PEAK, "ridge": PEAK, "saddle": PEAK, "water": WATER, "spring": WATER,
    "cave_entrance": PLACE, "cliff": PLACE, "beach": PLACE,
}  # fmt: skip
_FURNITURE = frozenset({
    "bench", "parking", "parking_space", "parking_entrance", "toilets", "atm", "vending_machine", "waste_basket",
    "waste_disposal", "recycling", "bicycle_parking", "motorcycle_parking", "bicycle_rental", "car_sharing",
    "charging_station", "drinking_water", "post_box", "telephone", "shelter", "clock", "fire_station", "police",
    "townhall",
})  # fmt: skip
"""Amenities that bear names but are no landmarks, and those that are stations of teams already."""
_SHOPS = frozenset({"mall", "supermarket", "department_store", "wholesale"})
_LEISURE = frozenset({
    "park", "stadium", "sports_centre", "nature_reserve", "marina", "garden", "golf_course", "water_park",
    "sports_hall", "swimming_pool", "resort", "pitch",
})  # fmt: skip
_STRUCTURES = {
    "bridge": BRIDGE, "tower": PLACE, "water_tower": PLACE, "lighthouse": PLACE, "works": PLACE, "dam": PLACE,
    "wastewater_plant": PLACE, "water_works": PLACE, "chimney": PLACE, "pier": PLACE, "observatory": PLACE,
}  # fmt: skip
_INFORMATION = frozenset({"information", "artwork", "picnic_site"})
_RADIUS_M = {PEAK: 300.0, WATER: 60.0, BRIDGE: 80.0, STATION: 120.0, PLACE: 60.0}

_KIND_WORD = (
    "停车场|停车库|公共厕所|公厕|厕所|卫生间|公园|广场|超市|便利店|商店|小卖部|加油站|充电站|学校|小学|中学|幼儿园|医院|诊所|药店|卫生院|卫生室|卫生服务站"
    "|卫生服务中心|银行|邮局|食堂|餐厅|饭店|酒店|宾馆|旅馆|农贸市场|菜市场|菜场|市场|篮球场|足球场|网球场|操场|体育场|体育馆|健身房|游泳池|图书馆"
    "|文化礼堂|文化馆|文化广场|活动中心|老年活动中心|祠堂|宗祠|教堂|寺庙|寺|庙|土地庙|凉亭|亭子|亭|水库|池塘|水塘|鱼塘|塘|湖|河|溪|小溪|水渠|渠道|渠|大桥|桥"
    "|小桥|人行天桥|天桥|车站|火车站|汽车站|公交站|客运站|工厂|厂房|仓库|办公楼|宿舍|大门|正门|东门|西门|南门|北门|后门|入口|出口|花园|水厂|污水处理厂"
)
_GENERIC = re.compile(
    rf"(?:公共|社区|村|乡|镇|街道|小区|新|老|大|小|东|南|西|北|中心|中央|室内|室外|地下|临时)*(?:{_KIND_WORD})"
    r"|(?:parkplatz|spielplatz|friedhof|kirche|kapelle|post|schule|kindergarten|sportplatz|fussballplatz|bahnhof|toilette"
    r"|wc|information|infotafel|brunnen|bach|kanal|weiher|parking|playground|school|church|cemetery|market|toilets?"
    r"|bridge|river|creek|pond|lake|park|library|post office|gas station|fountain)n?",
    re.IGNORECASE,
)
_SHORTEST = {PLACE: 3}
"""Two Chinese characters are the name of a river or hill; of a shop or school they are as often another word."""


def kind_of(tags: Tags) -> str | None:
    """Return the kind of a feature, one of `places.features.KINDS`; None for what callers do not name."""
    found = (
        _WATERWAYS.get(tags.get("waterway", ""))
        or (RAILWAY if tags.get("railway") in _RAILS and "service" not in tags else None)
        or (STATION if tags.get("railway") in _HALTS or tags.get("aeroway") == "aerodrome" else None)
        or _NATURAL.get(tags.get("natural", ""))
        or _STRUCTURES.get(tags.get("man_made", ""))
        or (BRIDGE if "bridge:name" in tags else None)
        or (PLACE if _is_place(tags) else None)
    )
    return found if found is not None and _is_name(name_of(tags), found) else None


def name_of(tags: Tags) -> str:
    """Return the name of a feature, the first of several; that of a bridge before that of the road on it."""
    names = tags.get("bridge:name") or tags.get("name") or ""
    return " ".join(names.partition(";")[0].split())


def _is_place(tags: Tags) -> bool:
    return (
        ("amenity" in tags and tags["amenity"] not in _FURNITURE)
        or ("tourism" in tags and tags["tourism"] not in _INFORMATION)
        or "historic" in tags
        or tags.get("leisure") in _LEISURE
        or tags.get("shop") in _SHOPS
    )


def _is_name(name: str, kind: str) -> bool:
    letters = sum(map(str.isalpha, name))
    return letters > 1 and len(name) >= _SHORTEST.get(kind, 2) and _GENERIC.fullmatch(name) is None


def point_feature(tags: Tags, at: Lonlat) -> NamedFeature | None:
    """Return the feature that a point of the file is; None for none, and for one that ought to be a line."""
    kind = kind_of(tags)
    if kind is None or kind in LINES:
        return None
    return NamedFeature(name_of(tags), kind, shapely.Point(at), _RADIUS_M[kind])


def way_feature(tags: Tags, corners: list[Lonlat]) -> NamedFeature | None:
    """Return the feature that a way of the file is: a line, or a point of its area with a radius that reaches it."""
    kind = kind_of(tags)
    if kind is None or not corners:
        return None
    if kind in LINES:
        return NamedFeature(name_of(tags), kind, shapely.LineString(corners)) if len(corners) > 1 else None
    closed = len(corners) >= 4 and corners[0] == corners[-1]
    shape = shapely.Polygon(corners) if closed else shapely.LineString(corners) if len(corners) > 1 else None
    if shape is None or not shape.is_valid or not shape.length:
        point = shapely.Point(corners[0])
    elif closed:
        point = shape.representative_point()
    else:
        point = shape.interpolate(0.5, normalized=True)
    x, y = LocalMetres(point.x, point.y).to_metres(*np.array(corners).T)
    reach_m = float(np.ceil(np.hypot(x, y).max()))
    return NamedFeature(name_of(tags), kind, point, max(reach_m, _RADIUS_M[kind]))


def in_order(features: Iterable[NamedFeature | None]) -> tuple[NamedFeature, ...]:
    """Return features by name, kind and place, whatever the order of the file."""
    found = (each for each in features if each is not None)
    return tuple(sorted(found, key=lambda each: (each.name, each.kind, each.geometry.wkb, each.radius_m)))
