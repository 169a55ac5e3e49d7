"""Answers about compliance. A field of a figure that the sample does not support is null; its counts are there."""

from __future__ import annotations

from pydantic import BaseModel, Field

Group = dict[str, str | int | None]


class ClockPolicy(BaseModel):
    """The clock policy of the figures: from which event to which, and which percentage must make it."""

    id: str
    version: str
    name: str
    name_en: str
    start_event: str
    stop_event: str
    percentile: float
    exclusions: list[str]
    exclusions_not_recorded: list[str]


class RecordedUnder(BaseModel):
    """How many cases were reported under a policy."""

    policy: str
    version: str
    cases: int


class CountedCases(BaseModel):
    """Which cases of the period count, and why others do not."""

    all: int
    counted: int
    left_out: dict[str, int]
    synthetic: int
    recorded_under: list[RecordedUnder]


class IntervalRow(BaseModel):
    """The figures of one interval in one group; `n` complete ones, and what is not known beside them."""

    group: Group
    interval: str
    n: int
    missing: int
    censored: int
    mean_s: float | None
    p50_s: float | None
    p90_s: float | None
    p90_low_s: float | None
    p90_high_s: float | None
    within_target_share: float | None
    impossible: int
    recalled: int
    doubtful: int
    max_s: float | None
    p50_low_s: float | None
    p50_high_s: float | None
    p90_if_unknown_late_s: float | None
    p90_if_unknown_in_time_s: float | None
    p50_with_open_s: float | None
    p90_with_open_s: float | None
    p90_with_open_low_s: float | None
    p90_with_open_high_s: float | None
    within_target: int | None = None
    with_target: int | None = None
    within_target_low: float | None = None
    within_target_high: float | None = None
    within_target_if_unknown_late: float | None = None
    within_target_if_unknown_in_time: float | None = None


class OutcomeRow(BaseModel):
    """Met, late, missing and open in one group by the clock policy; `reached`: null = the cases do not show it."""

    group: Group
    cases: int
    met: int
    late: int
    missing: int
    open: int
    not_timed: int
    target_s: int | None
    met_share: float | None
    met_share_low: float | None
    met_share_high: float | None
    met_share_if_missing_late: float | None
    met_share_if_missing_met: float | None
    asked_share: float
    reached: bool | None
    percentile_n: int
    percentile_s: float | None
    percentile_low_s: float | None
    percentile_high_s: float | None
    rank_from: int | None
    rank_to: int | None


class TrendRules(BaseModel):
    """When the control chart signals."""

    limits_sigma: int
    run: int
    baseline: int


class TrendPoint(BaseModel):
    """A period of the control chart; `signal`: low, high, or null within the limits."""

    period: str
    decided: int
    met: int
    met_share: float
    centre: float
    low: float
    high: float
    signal: str | None


class TrendChange(BaseModel):
    """A new level since a period."""

    since: str
    decided_before: int
    met_before: int
    before: float
    decided: int
    met: int
    after: float
    difference: float
    difference_low: float | None
    difference_high: float | None


class Trend(BaseModel):
    """A control chart of the share in time."""

    unit: str
    chart: str
    rules: TrendRules
    points: list[TrendPoint]
    changes: list[TrendChange]


class ClassTrend(Trend):
    """The control chart of one response class."""

    response_class: str = Field(alias="class")


class PolicyChange(BaseModel):
    """How many cases have one outcome under the policy and another under the second one."""

    under_policy: str
    under_other: str
    cases: int


class Against(BaseModel):
    """The same figures under a second clock policy."""

    policy: str
    clock: ClockPolicy
    cases: CountedCases
    rows: list[IntervalRow]
    outcomes: list[OutcomeRow]
    changes: list[PolicyChange]


class ComparedInterval(BaseModel):
    """The difference of an interval's figures: this period minus the earlier one."""

    group: Group
    interval: str
    n_before: int
    n: int
    p50_difference_s: float | None
    p50_difference_low_s: float | None
    p50_difference_high_s: float | None
    p50_changed: bool | None
    p90_difference_s: float | None
    p90_difference_low_s: float | None
    p90_difference_high_s: float | None
    p90_changed: bool | None
    within_target_difference: float | None
    within_target_difference_low: float | None
    within_target_difference_high: float | None
    within_target_changed: bool | None


class ComparedOutcome(BaseModel):
    """The difference of the share in time: this period minus the earlier one."""

    group: Group
    decided_before: int
    decided: int
    met_share_before: float | None
    met_share: float | None
    met_share_difference: float | None
    met_share_difference_low: float | None
    met_share_difference_high: float | None
    met_share_changed: bool | None


class Compared(BaseModel):
    """An earlier period beside this one."""

    since: str | None
    until: str | None
    cases: CountedCases
    rows: list[ComparedInterval]
    outcomes: list[ComparedOutcome]


class ImportedFile(BaseModel):
    """A file of another system, with how many of its cases are in the answer."""

    digest: str
    name: str
    map: str
    loaded_at: str
    cases: int


class Compliance(BaseModel):
    """Whether responses made their targets in a period; emergencies only, drills never."""

    district: str
    policy: str
    clock: ClockPolicy
    source: str
    since: str | None
    until: str | None
    as_of: str
    time_zone: str
    confidence: float
    by: list[str]
    cases: CountedCases
    rows: list[IntervalRow]
    outcomes: list[OutcomeRow]
    names: dict[str, dict[str, str]]
    rows_by_class: list[IntervalRow] | None = None
    outcomes_by_class: list[OutcomeRow] | None = None
    trend: Trend | None
    trend_by_class: list[ClassTrend] | None = None
    against: Against | None = None
    compared: Compared | None = None
    imports: list[ImportedFile] | None = None
