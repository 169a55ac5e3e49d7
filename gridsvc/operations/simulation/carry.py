"""The teams of today at the posts of a plan: who goes where, and which plans the reform forbids."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from gridsvc.coordinates import distance_m
from gridsvc.errors import Conflict, InvalidInput
from gridsvc.law import TOWNSHIP
from gridsvc.operations.coverage.plan import make_plan
from gridsvc.operations.coverage.scenario import AS_TODAY
from gridsvc.operations.coverage.sites import teams_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gridsvc.dispatch import Prepared
    from gridsvc.operations.coverage.scenario import Scenario
    from gridsvc.operations.runtime.service import Service
    from gridsvc.teams.model import Team

_FORBIDDEN_M = 1e9


def lawful_plan(service: Service, district: str, scenario: Scenario, broken_rules: str) -> dict[str, Any]:
    """Return the plan of a scenario; `corrected`: it was planned again, with the rules that today's posts keep.

    Raises
    ------
    Conflict
        Where the plan breaks a rule of the reform that today's posts keep, and `broken_rules` is `refuse`.
    InvalidInput
        Where no plan keeps the rules.
    """
    plan = make_plan(service, district, scenario)
    worse = {row["rule"]: row["worse"] for row in plan["rules"] if row["worse"]}
    if not worse or broken_rules == "ignore":
        return plan | {"corrected": False}
    if broken_rules == "keep":
        kept = make_plan(service, district, replace(scenario, rules=(*scenario.rules, AS_TODAY)))
        return kept | {"corrected": True, "uncorrected": {"covered": plan["covered"], "rules": plan["rules"]}}
    rules = ", ".join(f"{rule} ({', '.join(codes[:5])})" for rule, codes in sorted(worse.items()))
    raise Conflict(
        f"The plan breaks rules of the reform that today's posts keep: {rules}. Plan with the rule as-today, "
        "or simulate with `broken_rules` = keep, which does so.",
        kind="plan-breaks-rules",
        rules=rules,
        broken=worse,
    )


def carried(prepared: Prepared, unit: str, sites: Sequence[Mapping[str, Any]]) -> tuple[list[Team], list[Team]]:
    """Return all teams, those of the unit at the sites of a plan, and of these the ones that move.

    Who moves is decided so that the sum of the straight ways is least; a township's team stays in its township. Of a
    plan with fewer posts than teams, the others go to the post that is nearest to them.

    Raises
    ------
    InvalidInput
        Where the plan has more posts than the unit has teams, or a township a post and no team.
    """
    own = [prepared.teams[number] for number in teams_of(prepared, unit)]
    posts = [site for site in sites for _ in range(site["units"])]
    if len(posts) > len(own):
        raise InvalidInput(
            f"The plan has {len(posts)} posts, and {unit} has {len(own)} teams. Plan with a `p` of {len(own)} at most.",
            kind="plan-needs-teams",
            posts=len(posts),
            unit=unit,
            teams=len(own),
        )
    away_m = np.array([[_away_m(team, site, unit) for site in posts] for team in own])
    movers, taken = linear_sum_assignment(away_m)
    if (away_m[movers, taken] >= _FORBIDDEN_M).any():
        raise InvalidInput(
            "The plan has a post in a township that has no team of its own. Plan with candidates in others.",
            kind="plan-needs-teams",
            unit=unit,
        )
    at = dict(zip(movers.tolist(), taken.tolist(), strict=True))
    teams: dict[str, Team] = {}
    for number, team in enumerate(own):
        post = at.get(number, int(away_m[number].argmin()))
        if number in at or away_m[number, post] < _FORBIDDEN_M:
            teams[team.id] = replace(team, lon=posts[post]["lon"], lat=posts[post]["lat"])
    moved = [team for team in own if team.id in teams and _moves(team, teams[team.id])]
    placed = {team.id for team in moved}
    return [teams[team.id] if team.id in placed else team for team in prepared.teams], [
        teams[team.id] for team in moved
    ]


def _away_m(team: Team, site: Mapping[str, Any], unit: str) -> float:
    if unit == TOWNSHIP and team.township != site["township"]:
        return _FORBIDDEN_M
    return distance_m(team.lon, team.lat, site["lon"], site["lat"])


def _moves(before: Team, after: Team) -> bool:
    """Whether it is another place, and not the same one rounded."""
    return distance_m(before.lon, before.lat, after.lon, after.lat) > 1.0
