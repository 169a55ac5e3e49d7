"""What the command screen must know before it draws: the districts and the names in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc import __version__
from gridsvc.db.evidence.documents import get_document
from gridsvc.db.grids.addresses import find_example
from gridsvc.db.grids.district_facts import DistrictFacts, list_district_facts, list_level_counts, list_township_names
from gridsvc.db.tiles import find_bounds
from gridsvc.grids.levels import Level
from gridsvc.law import Catalogue, ClockRules

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gridsvc.operations.runtime.service import Service


def read_screen_facts(service: Service) -> dict[str, Any]:
    """Return districts (name, zone, bounds, what is synthetic or derived, units, townships, call handling)."""
    with service.database.transaction() as connection:
        districts = [_district(service, connection, facts) for facts in list_district_facts(connection)]
    return {"version": __version__, "districts": districts}


def _district(service: Service, connection: Connection, facts: DistrictFacts) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "code": facts.code,
        "name": facts.name,
        "time_zone": facts.time_zone,
        "synthetic": facts.synthetic,
        "notes": list(facts.about.get("notes", [])),
        "generation": facts.generation,
        "roads_source": facts.roads_source,
        "bounds": service.cached(
            "bounds",
            (facts.code, facts.generation, facts.network, service.caller.scope.grid),
            lambda: find_bounds(connection, [facts.code]),
        ),
        "levels": {},
        "townships": {},
        "units": [],
        "fields": [],
        "handling_s": None,
        "address_example": find_example(connection, facts.code),
    }
    if facts.generation is not None:
        counts = list_level_counts(connection, facts.code, facts.generation)
        answer["levels"] = {Level(level).key: {"grids": n, "derived": derived} for level, n, derived in counts}
        answer["townships"] = list_township_names(connection, facts.code, facts.generation)
    if facts.catalogue is not None:
        digest = facts.catalogue
        answer |= service.cached(
            "screen-names",
            (facts.code, digest),
            lambda: _names(get_document(connection, facts.code, "catalogue", digest)),
        )
    if facts.clock_policies is not None:
        clocks = facts.clock_policies
        answer["handling_s"] = service.cached(
            "screen-handling",
            (facts.code, clocks),
            lambda: _handling_s(get_document(connection, facts.code, "clock_policies", clocks)),
        )
    return answer


def _handling_s(document: str) -> int:
    clocks = ClockRules.from_document(document)
    return clocks.get(clocks.default_policy).handling_s


def _names(document: str) -> dict[str, Any]:
    catalogue = Catalogue.from_document(document)
    return {
        "units": [
            {"id": unit.id, "name": unit.name, "name_en": unit.name_en, "kind": str(unit.kind)}
            for unit in catalogue.units
        ],
        "fields": [{"id": each.id, "name": each.name, "name_en": each.name_en} for each in catalogue.fields],
    }
