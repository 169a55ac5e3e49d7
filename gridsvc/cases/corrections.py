"""Corrections of a case: its place was wrong, or a person names another owner (R3). Pure.

The case keeps its clock, its steps and the teams that are on it. Owners, response class, target and the recommended
team are decided again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gridsvc.cases.decide import Location, place_in
from gridsvc.cases.events import Corrected
from gridsvc.cases.model import CLOSED, Clocks, Correction, Status
from gridsvc.cases.steps import legal_steps
from gridsvc.errors import IllegalStep, InvalidInput
from gridsvc.grids.levels import Level
from gridsvc.grids.ownership import Rule

if TYPE_CHECKING:
    from datetime import datetime

    from gridsvc.cases.decide import Classes
    from gridsvc.cases.model import Case, Decision, Duplicate, Place, Unknown
    from gridsvc.grids.ownership import Ownership


def check_correction(case: Case, kind: str, reason: str | None) -> None:
    """Raise where a case may not be corrected; `reason` None: of a preview, which needs none.

    Raises
    ------
    IllegalStep
        For a case that is closed.
    InvalidInput
        Without a reason.
    """
    if case.status in CLOSED:
        legal = legal_steps(case.status)
        raise IllegalStep(
            f"A case that is {case.status} cannot take the step {kind}. Legal now: {', '.join(legal)}.",
            legal=legal,
            step=kind,
            case_status=str(case.status),
        )
    if reason is not None and not reason.strip():
        raise InvalidInput(
            f"Who corrects the {kind} of a case says why. Give `reason`.",
            kind="reason-missing",
            step=kind,
            field="reason",
        )


def place_of_person(place: Place, ownership: Ownership, classes: Classes) -> Place:
    """Return a place with the owner that a person names; `ownership` is that of a spot well inside their grid.

    The townships that a line or an area touches stay, and so does its response class; likewise those of any place that
    a person gives to a grid above the townships.
    """
    named = place_in(Location(place.lon, place.lat, place.radius_m), replace(ownership, rule=Rule.PERSON), classes)
    own = ownership.owner(Level.TOWNSHIP)
    wide = own is None or place.geometry is not None
    return replace(
        named,
        geometry=place.geometry,
        shares=place.shares,
        emergencies=place.emergencies,
        confirm=None if place.shares is None else False,
        townships=place.townships if own is None else (own.code,),
        response_class=place.response_class if wide else named.response_class,
    )


def corrected(
    case: Case,
    kind: str,
    place: Place,
    decision: Decision,
    *,
    by: str,
    at: datetime,
    duplicates: tuple[Duplicate, ...],
    unknown: tuple[Unknown, ...],
) -> Corrected:
    """Return the event of a correction (`events.CORRECTIONS`); `unknown`: what the decision lacks.

    What was not known of the report for another reason, a wrong clock, is not known now.
    """
    about = {each.what for each in unknown} | {"owners", "travel_s"}
    after = replace(
        case,
        place=place,
        target_s=decision.recommendation.target_s,
        decision=decision,
        duplicates=duplicates,
        unknown=(*unknown, *(each for each in case.unknown if each.what not in about)),
        correction=Correction(kind, by, at, decision.event_id),
        status=Status.TRIGGERED,
        clocks=Clocks(),
        engagements=(),
    )
    return Corrected(kind, at, after, case.place, case.target_s)
