"""The assignment against every possible one, written out with itertools."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gridsvc.dispatch import assign

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def every_assignment(options: Sequence[Sequence[int]]) -> Iterator[list[int | None]]:
    """All ways to give each slot one of its teams or nobody, no team twice."""
    for chosen in itertools.product(*[[None, *teams] for teams in options]):
        teams = [team for team in chosen if team is not None]
        if len(teams) == len(set(teams)):
            yield list(chosen)


def price(chosen: Sequence[int | None], arrival: Sequence[int], loss: Sequence[int]) -> tuple[Any, ...]:
    teams = [team for team in chosen if team is not None]
    return (
        [team is None for team in chosen],
        max((arrival[team] for team in teams), default=0),
        sum(loss[team] for team in teams),
        sum(arrival[team] for team in teams),
        [-1 if team is None else team for team in chosen],
    )


def best(options: Sequence[Sequence[int]], arrival: Sequence[int], loss: Sequence[int]) -> list[int | None]:
    def of(chosen: list[int | None]) -> tuple[Any, ...]:
        return price(chosen, arrival, loss)

    return min(every_assignment(options), key=of)


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[list[int]], list[int], list[int]]:
    teams = draw(st.integers(0, 6))
    slots = draw(st.integers(0, 4))
    numbers = st.integers(0, teams - 1) if teams else st.nothing()
    options = [sorted(draw(st.sets(numbers, max_size=teams))) if teams else [] for _ in range(slots)]
    # Small numbers, so that ties are frequent.
    arrival = [draw(st.integers(0, 4)) for _ in range(teams)]
    loss = [draw(st.integers(0, 2)) for _ in range(teams)]
    return options, arrival, loss


@settings(max_examples=600, deadline=None, derandomize=True)
@given(problems())
def test_equal_to_brute_force(problem: tuple[list[list[int]], list[int], list[int]]) -> None:
    options, arrival, loss = problem
    assert assign(options, arrival, loss) == best(options, arrival, loss)


def test_equal_to_brute_force_on_seeded_larger_ones() -> None:
    rng = random.Random(20261124)
    for _ in range(60):
        teams = 8
        options = [sorted(rng.sample(range(teams), rng.randint(0, 4))) for _ in range(5)]
        arrival = [rng.randint(0, 6) for _ in range(teams)]
        loss = [rng.randint(0, 3) for _ in range(teams)]
        assert assign(options, arrival, loss) == best(options, arrival, loss)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(problems())
def test_as_many_slots_as_possible_are_filled(problem: tuple[list[list[int]], list[int], list[int]]) -> None:
    options, arrival, loss = problem
    filled = sum(team is not None for team in assign(options, arrival, loss))
    assert filled == max(sum(team is not None for team in chosen) for chosen in every_assignment(options))


def test_a_team_that_two_slots_want_goes_where_the_other_has_nobody() -> None:
    # Team 0 could fill both; team 1 only the first.
    assert assign([[0, 1], [0]], [1, 5], [0, 0]) == [1, 0]


def test_nine_equal_slots_over_forty_teams_take_the_nine_first() -> None:
    arrival = list(range(100, 140))
    chosen = assign([list(range(40))] * 9, arrival, [0] * 40)
    assert set(chosen) == set(range(9))
