"""Every figure against an independent recomputation with pandas, and hand cases of what goes wrong with stamps."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridsvc.cases.timing import OUTCOMES
from gridsvc.compliance.answer import Asked, compliance_json
from gridsvc.compliance.groups import Grouping, check_dimensions
from gridsvc.compliance.history import History, RecordedPolicy
from gridsvc.compliance.outcomes import judge as judged_by
from gridsvc.compliance.outcomes import judge_as_recorded, outcomes, ranked
from gridsvc.compliance.trend import chart
from gridsvc.errors import InvalidInput
from tests.compliance.worlds import FIRST, FULL, LEAD, NOW, ORDERED, Made, Sent, case, history

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def answer(of: History, *by: str, policy: Any = LEAD, **more: Any) -> dict[str, Any]:
    return compliance_json(of, Asked(RecordedPolicy(policy, "v1"), by, **more))


def row(found: dict[str, Any], interval: str, **group: Any) -> dict[str, Any]:
    [only] = [each for each in found["rows"] if each["interval"] == interval and each["group"] == group]
    return dict(only)


def outcome(found: dict[str, Any], **group: Any) -> dict[str, Any]:
    [only] = [each for each in found["outcomes"] if each["group"] == group]
    return dict(only)


def random_world(seed: int, count: int = 400) -> list[Made]:
    """Cases with missing, negative and equal stamps, drills, routine cases, open ones, and up to three teams."""
    random = np.random.default_rng(seed)
    made = []
    for number in range(count):
        sent = []
        for n in range(int(random.integers(0, 4))):
            since = float(random.integers(5, 60))
            off = since + float(random.integers(-5, 120))
            there = off + float(random.integers(-3, 700))
            sent.append(
                Sent(
                    f"team-{random.integers(0, 6)}-{n}",
                    since,
                    None if random.random() < 0.05 else off,
                    None if random.random() < 0.15 else there,
                    lead=n == 0,
                    slot=str(n + 1),
                    unit=f"unit-{random.integers(0, 3)}",
                )
            )
        kind = {"drill": bool(random.random() < 0.05), "emergency": bool(random.random() > 0.1)}
        at = AT + timedelta(minutes=float(random.integers(0, 60 * 24 * 60)))
        made.append(case(f"case-{number}", at, sent, township=f"T{random.integers(0, 4)}", **kind))
    return made


def frame(made: list[Made]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The counted cases and their teams as frames, seconds after the report."""
    kept = [m for m in made if m.facts["emergency"] and not m.facts["drill"]]
    cases = pd.DataFrame({"case": [m.facts["id"] for m in kept], "township": [m.facts["township"] for m in kept]})
    rows = [
        (m.facts["id"], m.facts["township"], e.unit, e.since_s, e.en_route_s, e.on_scene_s, e.lead)
        for m in kept
        for e in m.sent
    ]
    names = ["case", "township", "unit", "since", "en_route", "on_scene", "lead"]
    return cases, pd.DataFrame(rows, columns=names)


def oracle(seconds: pd.Series[Any]) -> dict[str, Any]:
    """Figures of a series of seconds, NaN = missing, negative = impossible."""
    good = seconds[seconds >= 0]
    found: dict[str, Any] = {
        "n": len(good),
        "missing": int(seconds.isna().sum()),
        "impossible": int((seconds < 0).sum()),
    }
    found["mean_s"] = good.mean() if len(good) else None
    for p, name, least in ((0.5, "p50_s", 5), (0.9, "p90_s", 29)):
        found[name] = None
        if len(good) >= least:  # the smallest value that a share p does not exceed
            found[name] = good.sort_values().iloc[math.ceil(round(p * len(good), 9)) - 1]
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("by", [(), ("township",), ("unit",), ("township", "unit")])
def test_every_figure_of_the_teams_agrees_with_pandas(seed: int, by: tuple[str, ...]) -> None:
    made = random_world(seed)
    _, teams = frame(made)
    found = answer(history(*made), *by)
    of = {"handling": teams["since"], "turnout": teams["en_route"] - teams["since"],
          "travel": teams["on_scene"] - teams["en_route"]}  # fmt: skip
    for interval, seconds in of.items():
        parts: Any = seconds.groupby([teams[name] for name in by]) if by else [((), seconds)]
        expected = {key if isinstance(key, tuple) else (key,): oracle(part) for key, part in parts}
        rows = {tuple(each["group"].values()): each for each in found["rows"] if each["interval"] == interval}
        assert set(rows) == set(expected)
        for key, values in expected.items():
            for name, value in values.items():
                assert rows[key][name] == (None if value is None else pytest.approx(value, abs=1e-3)), (key, name)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("by", [(), ("township",)])
def test_every_figure_of_the_cases_agrees_with_pandas(seed: int, by: tuple[str, ...]) -> None:
    made = random_world(seed)
    cases, teams = frame(made)
    found = answer(history(*made), *by)
    cases = cases.set_index("case")
    cases["response_first"] = teams.groupby("case")["on_scene"].min()
    cases["response_lead"] = teams[teams["lead"]].groupby("case")["on_scene"].min()
    first = teams["since"] == teams.groupby("case")["since"].transform("min")
    cases["response_full"] = teams[first].groupby("case")["on_scene"].apply(lambda came: came.max(skipna=False))
    for interval in ("response_first", "response_lead", "response_full"):
        parts = cases.groupby("township") if by else [((), cases)]
        for key, part in parts:
            got = row(found, interval, **({"township": key} if by else {}))
            for name, value in oracle(part[interval]).items():
                assert got[name] == (None if value is None else pytest.approx(value, abs=1e-3)), (interval, key, name)
            within = int(((part[interval] >= 0) & (part[interval] <= 300)).sum())
            assert got["within_target"] == within
            unknown = got["missing"] + got["impossible"]
            assert got["within_target_if_unknown_late"] == pytest.approx(within / len(part), abs=1e-6)
            assert got["within_target_if_unknown_in_time"] == pytest.approx((within + unknown) / len(part), abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(seed: int, random: Any) -> None:
    whole = history(*random_world(seed, 60))
    order = list(range(60))
    random.shuffle(order)
    for by in ((), ("unit", "hour"), ("lead",)):
        assert answer(whole.reordered(order), *by, against=RecordedPolicy(FULL, "v1")) == answer(
            whole, *by, against=RecordedPolicy(FULL, "v1")
        )


class TestHandCases:
    def test_one_case_has_counts_and_no_percentile(self) -> None:
        found = answer(history(case("one", AT, [Sent()])))
        lead = row(found, "response_lead")
        assert (lead["n"], lead["mean_s"], lead["p50_s"], lead["p90_s"]) == (1, 240, None, None)
        assert (lead["within_target"], lead["with_target"]) == (1, 1)
        assert outcome(found)["reached"] is None

    def test_no_case_has_rows_of_zero(self) -> None:
        found = answer(history(case("drill", AT, [Sent()], drill=True)))
        assert {each["interval"]: each["n"] for each in found["rows"]} == dict.fromkeys(
            ("handling", "turnout", "travel", "response_first", "response_lead", "response_full"), 0
        )
        assert found["cases"]["left_out"]["drill"] == 1

    def test_equal_stamps_are_zero_seconds_and_counted_as_doubtful(self) -> None:
        travel = row(answer(history(case("one", AT, [Sent(en_route_s=240)]))), "travel")
        assert (travel["n"], travel["mean_s"], travel["doubtful"]) == (1, 0, 1)

    def test_a_negative_interval_is_impossible_and_makes_its_neighbour_doubtful(self) -> None:
        found = answer(history(case("one", AT, [Sent(en_route_s=300)])))
        assert (row(found, "travel")["n"], row(found, "travel")["impossible"]) == (0, 1)
        assert (row(found, "turnout")["n"], row(found, "turnout")["doubtful"]) == (1, 1)
        assert row(found, "response_lead")["doubtful"] == 1

    def test_all_late_and_none_late(self) -> None:
        late = [case(f"c{n}", AT, [Sent(on_scene_s=301 + n)]) for n in range(40)]
        good = [case(f"c{n}", AT, [Sent(on_scene_s=300)]) for n in range(40)]
        assert [outcome(answer(history(*each)))["reached"] for each in (late, good)] == [False, True]
        assert outcome(answer(history(*late)))["met_share_high"] < 0.1

    def test_missing_arrivals_leave_a_good_share_uncertain(self) -> None:
        good = [case(f"c{n}", AT, [Sent()]) for n in range(40)]
        lost = [case(f"m{n}", AT, [Sent(on_scene_s=None)]) for n in range(10)]
        found = outcome(answer(history(*good, *lost)))
        assert (found["met"], found["missing"], found["met_share"]) == (40, 10, 1.0)
        assert (found["met_share_if_missing_late"], found["met_share_if_missing_met"]) == (0.8, 1.0)
        assert found["reached"] is None

    def test_an_open_case_past_its_target_is_late_and_lengthens_the_p90(self) -> None:
        good = [case(f"c{n}", NOW - timedelta(days=1), [Sent(on_scene_s=100.0 + n)]) for n in range(40)]
        waiting = [
            case(f"o{n}", NOW - timedelta(hours=1), [Sent(on_scene_s=None, outcome=None)], open=True) for n in range(5)
        ]
        found = answer(history(*good, *waiting))
        lead = row(found, "response_lead")
        assert (lead["n"], lead["censored"], lead["p90_s"]) == (40, 5, 135)
        assert lead["p90_with_open_s"] is None  # a ninth of them has not ended: the P90 is beyond what was recorded
        assert lead["p50_with_open_s"] == 122  # the 23rd of 45, against the 20th of 40
        assert (outcome(found)["late"], outcome(found)["open"]) == (5, 0)

    def test_a_recalled_team_is_not_missing(self) -> None:
        left = Sent("B", en_route_s=None, on_scene_s=None, lead=False, slot="2", outcome="declined")
        turnout = row(answer(history(case("one", AT, [Sent(), left]))), "turnout")
        assert (turnout["n"], turnout["missing"], turnout["recalled"]) == (1, 0, 1)

    def test_two_policies_side_by_side(self) -> None:
        world = history(
            case("slow handling", AT, [Sent(since_s=100, en_route_s=150, on_scene_s=350)]),
            case("good", AT, [Sent()]),
        )
        found = answer(world, against=RecordedPolicy(ORDERED, "v1"))
        assert (outcome(found)["late"], outcome(found["against"])["late"]) == (1, 0)
        assert {"under_policy": "late", "under_other": "met", "cases": 1} in found["against"]["changes"]

    def test_urban_and_rural_stand_beside_the_pooled_row(self) -> None:
        world = history(
            case("a", AT, [Sent()]), case("b", AT, [Sent(on_scene_s=600)], target_s=900, response_class="rural")
        )
        found = answer(world)
        assert {each["group"]["class"]: each["cases"] for each in found["outcomes_by_class"]} == {
            "rural": 1,
            "urban": 1,
        }
        assert outcome(found)["target_s"] is None

    def test_midnight_is_that_of_the_time_zone(self) -> None:
        world = history(
            case("before", datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC)),
            case("after", datetime(2026, 3, 1, 16, tzinfo=UTC)),
        )
        days = {each["group"]["day"]: each["group"]["weekday"] for each in answer(world, "day", "weekday")["outcomes"]}
        assert days == {"2026-03-01": 7, "2026-03-02": 1}

    def test_the_hour_follows_summer_time(self) -> None:
        at = [datetime(2026, 3, 29, 0, 30, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)]
        world = history(*(case(str(each), each) for each in at), time_zone="Europe/Berlin")
        assert [each["group"]["hour"] for each in answer(world, "hour")["outcomes"]] == [1, 3]


def test_each_recorded_policy_gives_the_outcome_that_the_case_shows() -> None:
    made = [
        case(f"{p}-{n}", AT, [Sent(on_scene_s=n), Sent("B", on_scene_s=2 * n, lead=False, slot="2")], policy=p)
        for p in range(4)
        for n in (100, 200, 310)
    ]
    found = judge_as_recorded(history(*made, policies=(LEAD, FIRST, FULL, ORDERED)))
    words = [str(OUTCOMES[code]) for code in found.tolist()]
    assert words == ["met", "met", "late", "met", "met", "late", "met", "late", "late", "met", "met", "met"]


def test_a_small_group_is_not_ranked_and_overlapping_ones_share_their_places() -> None:
    def group(name: str, met: int, late: int) -> list[Made]:
        return [case(f"{name}{n}", AT, [Sent(on_scene_s=200 if n < met else 400)], township=name)
                for n in range(met + late)]  # fmt: skip

    world = history(*group("A", 95, 5), *group("B", 93, 7), *group("C", 40, 60), *group("D", 10, 0))
    found = ranked(outcomes(world, judged_by(world, LEAD), Grouping(world, ["township"])))
    assert {each.group["township"]: each.rank for each in found} == {"A": (1, 2), "B": (1, 2), "C": (3, 3), "D": None}


@pytest.mark.parametrize("by", [["colour"], ["hour", "hour"], ["hour", "day", "week", "year"]])
def test_dimensions_that_cannot_be_meant_are_refused(by: list[str]) -> None:
    with pytest.raises(InvalidInput, match=r"Name up to 3|Use up to 3"):
        check_dimensions(by)


def test_the_trend_says_when_the_level_changed_and_a_steady_one_has_no_change() -> None:
    decided = np.full(30, 200)
    periods = [f"p{n}" for n in range(30)]
    steady = np.where(np.arange(30) % 2 == 0, 178, 182)
    assert chart(periods, decided, steady, "month").changes == ()
    dropped = np.where(np.arange(30) < 18, steady, steady - 30)
    [change] = chart(periods, decided, dropped, "month").changes
    assert change.period == "p18"
    assert (change.before, change.after) == ((3240, 3600), (1200, 1600))
    row = change.as_json()
    assert (row["before"], row["after"], row["difference"]) == (0.9, 0.75, -0.15)
    assert row["difference_low"] < -0.15 < row["difference_high"] < 0
    # the level rises again after nine periods, within the twelve that a level's limits are made from
    twice = np.where((np.arange(30) >= 11) & (np.arange(30) < 20), steady - 30, steady)
    fallen, risen = chart(periods, decided, twice, "month").changes
    assert (fallen.period, risen.period) == ("p11", "p20")
    assert (fallen.after, risen.after) == ((1200, 1600), (1440, 1600))
    once = steady.copy()
    once[20] = 140
    found = chart(periods, decided, once, "month")
    assert [each.period for each in found.points if each.signal == "low"] == ["p20"]
    assert found.changes == ()


def test_a_change_is_always_beyond_its_interval() -> None:
    """Sixty periods of 5 to 40 cases, whose share drifts: whatever is called a change leaves out no difference."""
    random, found = np.random.default_rng(7), 0
    for _ in range(200):
        decided = random.integers(5, 40, 60)
        share = np.clip(0.8 + np.cumsum(random.normal(0, 0.03, 60)), 0.05, 0.95)
        for each in chart([f"p{n:02}" for n in range(60)], decided, random.binomial(decided, share), "month").changes:
            row = each.as_json()
            assert row["difference_low"] > 0 or row["difference_high"] < 0
            found += 1
    assert found > 50
