"""The place of a case as it is stored in events: plain JSON values, written and read back without loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import shapely

from gridsvc.cases.model import AddressMatch, Place
from gridsvc.grids.ownership import Choice, Owner, Question, Share, read_owners
from gridsvc.law import ResponseClass

if TYPE_CHECKING:
    from gridsvc.cases.model import Owners
    from gridsvc.json_types import JsonObject


def place_json(place: Place) -> JsonObject:
    """Return a place with all that was decided of it."""
    value: JsonObject = {
        "lon": place.lon,
        "lat": place.lat,
        "owners": place.owners_json(),
        "rule": place.rule,
        "generation": place.generation,
        "response_class": str(place.response_class),
        "owned_level": place.owned_level,
        "townships": list(place.townships),
    }
    if place.radius_m is not None:
        value["radius_m"] = place.radius_m
    if place.geometry is not None:
        value["wkb"] = shapely.to_wkb(place.geometry, hex=True)
    if place.shares is not None:
        value["shares"] = [
            {"owners": _chain_json(each.owners), "share": each.share, "class": each.urban_rural_code}
            | ({} if each.demand_share is None else {"demand": each.demand_share})
            for each in place.shares
        ]
        value["confirm"] = bool(place.confirm)
    if place.question is not None:
        value["question"] = _question_json(place.question)
    for name in ("defect", "distance_m", "bearing_deg", "emergencies"):
        if (field := getattr(place, name)) is not None:
            value[name] = field
    if place.derived:
        value["derived"] = list(place.derived)
    if place.address is not None:
        value["address"] = place.address.as_json()
    return value


def read_place(value: JsonObject) -> Place:
    """Read back what `place_json` wrote."""
    shares = value.get("shares")
    return Place(
        lon=value["lon"],
        lat=value["lat"],
        owners=read_owners(value["owners"]),
        rule=value["rule"],
        generation=value["generation"],
        response_class=ResponseClass(value["response_class"]),
        owned_level=value["owned_level"],
        townships=tuple(value["townships"]),
        radius_m=value.get("radius_m"),
        geometry=shapely.from_wkb(value["wkb"]) if "wkb" in value else None,
        shares=None if shares is None else tuple(_read_share(each) for each in shares),
        confirm=value.get("confirm"),
        question=_read_question(value["question"]) if "question" in value else None,
        defect=value.get("defect"),
        derived=tuple(value.get("derived", ())),
        distance_m=value.get("distance_m"),
        bearing_deg=value.get("bearing_deg"),
        address=AddressMatch.from_json(value["address"]) if "address" in value else None,
        emergencies=value.get("emergencies"),
    )


def _chain_json(owners: Owners) -> list[list[str] | None]:
    return [None if each is None else [each.code, each.name] for each in owners]


def _read_chain(value: list[list[str] | None]) -> Owners:
    first, second, third, fourth = (None if each is None else Owner(*each) for each in value)
    return first, second, third, fourth


def _read_share(value: JsonObject) -> Share:
    return Share(_read_chain(value["owners"]), value["share"], value["class"], value.get("demand"))


def _question_json(question: Question) -> JsonObject:
    choices = [
        {"zh": each.zh, "en": each.en, "owners": _chain_json(each.owners), "share": each.share}
        for each in question.choices
    ]
    return {"by": question.by, "name": question.name, "zh": question.zh, "en": question.en, "choices": choices}


def _read_question(value: JsonObject) -> Question:
    choices = [Choice(each["zh"], each["en"], _read_chain(each["owners"]), each["share"]) for each in value["choices"]]
    return Question(value["by"], value["name"], value["zh"], value["en"], tuple(choices))
