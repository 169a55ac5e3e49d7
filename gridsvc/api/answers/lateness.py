"""Answers about late cases, the areas where they are, and the reports that are kept."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

CauseName = Literal[
    "handling",
    "no-team-free",
    "re-assignment",
    "sign-off",
    "turnout",
    "travel",
    "turnout-or-travel",
    "wrong-place",
    "far-station",
]


class CountedShare(BaseModel):
    """`count` of `n` cases, with an exact 95 % interval; null where `n` is 0."""

    count: int
    n: int
    share: float | None
    low: float | None
    high: float | None


class CauseRow(BaseModel):
    """A cause: the late cases whose main cause it is, those that it has a part in, and its seconds."""

    cause: CauseName
    main: CountedShare
    touched: int
    overrun_s: float
    seconds_share: float | None
    seconds_low: float | None
    seconds_high: float | None


class RemedyRow(BaseModel):
    """In how many of the late cases where it applies the target would have been met."""

    kind: str
    met: CountedShare


class LatenessOfClass(BaseModel):
    """Why cases of one class were late; `uncertain`: with a stamp missing or impossible."""

    late: int
    uncertain: int
    causes: list[CauseRow]
    remedies: list[RemedyRow]


class Causes(LatenessOfClass):
    """Why cases were late, each by the clock policy that it was reported under."""

    district: str
    policy: str
    since: str | None
    until: str | None
    by_class: dict[str, LatenessOfClass]


class Remedy(BaseModel):
    """What would have changed the outcome; `kind` is a cause whose part is then as planned, or another team."""

    kind: str
    response_s: float
    meets_target: bool
    team_id: str | None
    team: str | None
    station: str | None


class NamedTownship(BaseModel):
    """A township."""

    code: str
    name: str


class LateCaseRow(BaseModel):
    """A late case: seconds by cause, which add up to `overrun_s`; the largest is `cause`."""

    incident_id: str
    number: int
    type: str
    type_name: str
    clock_policy: str
    township: NamedTownship | None
    reported_at: str
    target_s: int
    response_s: float
    overrun_s: float
    cause: CauseName
    parts_s: dict[str, float]
    uncertain: bool
    remedies: list[Remedy]
    response_class: Literal["urban", "rural"]


class LateCases(BaseModel):
    """Late cases, those that are latest first; `total` counts all of them."""

    district: str
    policy: str
    since: str | None
    until: str | None
    total: int
    items: list[LateCaseRow]


class AreaProperties(BaseModel):
    """An area of at least five cases; `judged` of them are met or late. A P90 of `p90_n` arrivals, null = too few.

    `above_district`: late more often than the district is with the same mix of urban and rural cases, beyond chance.
    """

    id: str
    townships: list[str]
    township_names: list[str]
    resolution: int | None
    n: int
    judged: int
    late: int
    late_share: float | None
    late_low: float | None
    late_high: float | None
    above_district: bool
    p90_n: int
    p90_s: float | None
    p90_low_s: float | None
    p90_high_s: float | None
    policy: str


class AreaFeature(BaseModel):
    """An area as a GeoJSON feature."""

    type: Literal["Feature"]
    id: str
    geometry: dict[str, Any]
    properties: AreaProperties


class TownshipRow(BaseModel):
    """The same by township; those with fewer than five cases are joined."""

    townships: list[str]
    township_names: list[str]
    n: int
    late: CountedShare
    p90_n: int
    p90_s: float | None
    p90_low_s: float | None
    p90_high_s: float | None


class LateAreas(BaseModel):
    """Where responses are late: areas of at least `least` cases in a township, or whole townships of five."""

    type: Literal["FeatureCollection"]
    district: str
    policy: str
    policy_version: str
    since: str | None
    until: str | None
    resolution: int
    least: int
    features: list[AreaFeature]
    townships: list[TownshipRow]


class KeptReport(BaseModel):
    """A report that is kept; `digest` is the SHA-256 of its document, `cases` how many its figures count."""

    id: str
    district: str
    policy: str
    cases: int
    digest: str
    made_by: str
    since: str | None
    until: str | None
    made_at: str


class KeptReportList(BaseModel):
    """Reports that are kept, the newest first."""

    items: list[KeptReport]


class ReportDocument(KeptReport):
    """A report with its document: every figure with its n, its policy and its interval."""

    document: dict[str, Any]
