"""The rules of the reform plan that concern the posts of a unit, as sides of a plan, and whether they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.coverage.model import Side
from gridsvc.operations.cases.recommend import law_of
from gridsvc.operations.coverage.scenario import HALF_IN_TOWNSHIPS, OFFICER_PER_VILLAGE, SQUADRON_PER_AREA
from gridsvc.teams.model import TeamKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridsvc.json_types import Json
    from gridsvc.operations.coverage.ground import Ground
    from gridsvc.operations.coverage.scenario import Scenario


def rules_of(ground: Ground, scenario: Scenario) -> list[tuple[str, Side]]:
    """Return the rules that concern the unit of a scenario, each with its name."""
    sites = ground.sites
    found = []
    prepared = law_of(ground.view).prepared
    if scenario.unit == "bureau":
        assert ground.view.index is not None
        areas = sorted({area for team in prepared.teams for area in team.areas})
        for area in areas:
            inside = tuple(float(site.area == area) for site in sites)
            found.append((SQUADRON_PER_AREA, Side(f"{SQUADRON_PER_AREA} {area}", inside, least=1.0, most=1.0)))
    for village in ground.vacant:
        inside = tuple(float(site.village == village) for site in sites)
        found.append((OFFICER_PER_VILLAGE, Side(f"{OFFICER_PER_VILLAGE} {village}", inside, least=1.0)))
    of_brigade = any(team.kind is TeamKind.BRIGADE and team.unit == scenario.unit for team in prepared.teams)
    if of_brigade:
        # posted - at headquarters >= 0, whatever their number is
        factor = tuple(-1.0 if site.headquarters else 1.0 for site in sites)
        found.append((HALF_IN_TOWNSHIPS, Side(HALF_IN_TOWNSHIPS, factor, least=0.0)))
    return found


def rules_json(rules: Sequence[Side], chosen: Sequence[int], today: Sequence[int]) -> list[dict[str, Json]]:
    """Return which rules the plan keeps; of a rule for each area grid, the codes of those where it does not.

    `worse`: those of them where today's posts keep it; of a rule for the whole unit, its name.
    """
    found: dict[str, dict[str, Json]] = {}
    for rule in rules:
        name, _, of = rule.name.partition(" ")
        row = found.setdefault(name, {"rule": name, "holds": True, "broken": [], "worse": []})
        if not rule.holds(chosen):
            row["holds"] = False
            row["broken"] += [of] if of else []
            row["worse"] += [of or name] if rule.holds(today) else []
    return list(found.values())
