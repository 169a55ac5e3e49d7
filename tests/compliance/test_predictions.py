"""Are predictions honest: coverage by hand and by simulation, warnings, and hindsight."""

from __future__ import annotations

import numpy as np
import pytest

from gridsvc.compliance.hindsight import Better, Dispatched, count_better
from gridsvc.compliance.predictions import LEVELS, Predicted, judge_predictions
from gridsvc.compliance.proportions import Proportion, interval


def made(rows: list[tuple[str, str, float, tuple[float, ...] | None, float, float]]) -> Predicted:
    months, classes, predicted, ranges, recorded, target = zip(*rows, strict=True)
    return Predicted(
        months,
        classes,
        np.array(predicted),
        np.array([each or (np.nan,) * 4 for each in ranges]),
        np.array(recorded),
        np.array(target),
    )


def drawn(n: int, spread: float, month: str = "2026-03", seed: int = 1) -> Predicted:
    """Responses that scatter as much as `spread` around ranges made for a spread of 0.2 (lognormal, median 300 s)."""
    random = np.random.default_rng(seed)
    recorded = 300 * np.exp(random.normal(0, spread, n))
    z = np.array([-1.6449, 0.0, 1.2816, 1.6449])
    quantiles = np.tile(300 * np.exp(z * 0.2), (n, 1))
    return Predicted([month] * n, ["urban"] * n, np.full(n, 300.0), quantiles, recorded, np.full(n, 300.0))


def test_coverage_by_hand() -> None:
    ranges = (100.0, 200.0, 280.0, 290.0)
    honest = judge_predictions(
        made(
            [
                ("2026-01", "urban", 200.0, ranges, 150.0, 300.0),
                ("2026-01", "urban", 200.0, ranges, 285.0, 300.0),
                ("2026-02", "urban", 200.0, ranges, 310.0, 300.0),
                ("2026-02", "urban", 400.0, None, 390.0, 300.0),
                ("2026-02", "rural", 800.0, None, 700.0, 900.0),
            ]
        )
    )
    urban, rural = honest.classes
    assert (urban.response_class, urban.n, rural.response_class, rural.n) == ("urban", 4, "rural", 1)
    assert [(each.count, each.n) for each in urban.levels] == [(0, 3), (1, 3), (1, 3), (2, 3)]
    assert (urban.within.count, urban.within.n) == (2, 3)
    assert (urban.in_time.count, urban.in_time.n) == (2, 3)  # predicted in time: 150, 285 met, 310 not
    assert (urban.late.count, urban.late.n) == (1, 1)
    assert urban.ratio.value is None  # four ratios do not bound a median: five would
    assert [(each.month, each.response_class, each.n) for each in honest.months] == [
        ("2026-01", "urban", 2), ("2026-02", "urban", 2), ("2026-02", "rural", 1),
    ]  # fmt: skip
    assert not honest.warnings  # too few cases
    assert (rural.within.n, rural.within.share) == (0, None)


def test_honest_ranges_cover_what_they_say_and_give_no_warning() -> None:
    (urban,) = judge_predictions(drawn(20_000, 0.2)).classes
    for nominal, share in zip(LEVELS, urban.levels, strict=True):
        assert share.share == pytest.approx(nominal, abs=0.01)
    assert urban.within.share == pytest.approx(0.9, abs=0.01)
    assert judge_predictions(drawn(500, 0.2)).warnings == ()


def test_a_calibration_that_no_longer_holds_is_warned_of() -> None:
    warned = judge_predictions(drawn(500, 0.4)).warnings
    assert [each.what for each in warned] == ["p90", "range_90"]
    assert all(each.share.share is not None and each.share.share < each.nominal for each in warned)


def test_old_months_do_not_warn() -> None:
    old, new = drawn(500, 0.4, "2025-01"), [drawn(200, 0.2, f"2026-0{month}", seed=month) for month in (1, 2, 3)]
    parts = [old, *new]
    together = Predicted(
        [m for each in parts for m in each.month],
        [c for each in parts for c in each.response_class],
        *(np.concatenate([getattr(each, name) for each in parts]) for name in ("predicted_s", "quantiles_s",
                                                                               "recorded_s", "target_s")),
    )  # fmt: skip
    assert judge_predictions(together).warnings == ()


def test_an_empty_period_has_nothing_to_say() -> None:
    none = Predicted([], [], np.empty(0), np.empty((0, 4)), np.empty(0), np.empty(0))
    honest = judge_predictions(none, {"no-prediction": 3})
    assert (honest.classes, honest.months, honest.warnings, honest.left_out) == ((), (), (), {"no-prediction": 3})


def test_exact_intervals_of_a_share_as_in_the_tables() -> None:
    assert interval(0, 10) == pytest.approx((0.0, 0.3085), abs=1e-4)
    assert interval(5, 10) == pytest.approx((0.1871, 0.8129), abs=1e-4)
    assert Proportion.of(0, 0).as_json() == {"count": 0, "n": 0, "share": None, "low": None, "high": None}


def test_hindsight_by_hand() -> None:
    cases = [
        Dispatched("a", 300, 400, 250, 320, as_recommended=False),  # the recommended team: 150 s earlier, in time
        Dispatched("b", 300, 240, 250, 320, as_recommended=False),  # as early as that
        Dispatched("c", 300, 500, 280, 290, as_recommended=True),  # the next team: 210 s earlier, in time
        Dispatched("d", 300, 500, 280, 450, as_recommended=True),  # 50 s earlier, still late
        Dispatched("e", 300, 290, 280, 310, as_recommended=True),
        Dispatched("f", 300, 900, 280, None, as_recommended=True),  # no other team was free
    ]
    named, following = count_better(cases)
    assert (named.kind, named.earlier.count, named.earlier.n) == (Better.RECOMMENDED, 1, 2)
    assert (named.in_time.count, named.in_time.n) == (1, 1)
    assert (following.earlier.count, following.earlier.n) == (2, 3)
    assert (following.in_time.count, following.in_time.n) == (1, 2)
    assert following.gained_s.value is None  # two seconds gained do not bound a median
    assert [each.earlier.n for each in count_better([])] == [0, 0]
    many = [Dispatched(str(n), 300, 400 + n, 250, 400, as_recommended=True) for n in range(1, 12)]
    assert count_better(many)[1].gained_s == (6, 2, 10)  # of 1 to 11; ranks 2 and 10 by the binomial table
