"""Which hours, months and lead teams the conclusions name: those beyond chance, and no others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from gridsvc.compliance.history import RecordedPolicy
from gridsvc.compliance.report.contents import Sources, report_json
from gridsvc.compliance.report.findings import findings
from gridsvc.compliance.report.page import page
from gridsvc.compliance.report.words import words_of
from tests.compliance.worlds import LEAD, Sent, case, history

if TYPE_CHECKING:
    from tests.compliance.worlds import Made

MIDNIGHT = datetime(2026, 2, 28, 16, tzinfo=UTC)
"""In Jindong."""


def said_of(made: list[Made], language: str = "en") -> list[str]:
    """Return the conclusions that name an hour, a month or a team."""
    known = replace(history(*made), names={"team": {"A": "Team A"}})
    whole = Sources("330703", "金东区", synthetic=True, history=known, policy=RecordedPolicy(LEAD, "0123456789abcdef"))
    found = findings(report_json(whole), words_of(language))
    return [each for each in found if "less often in time" in each or "低于本类平均" in each]


def one(number: int, at: datetime, *, late: bool, team: str = "A") -> Made:
    return case(f"c{number}", at, [Sent(team, on_scene_s=2000 if late else 100)])


def test_an_hour_is_named_where_it_is_worse_beyond_chance_among_24() -> None:
    """Sixty cases an hour, six late in each; thirty from nine in the evening on, fourteen from ten on."""
    made = []
    for n in range(24 * 60):
        hour, row = divmod(n, 60)
        late = row < {21: 30, 22: 14}.get(hour, 6)
        made.append(one(n, MIDNIGHT + timedelta(hours=hour, minutes=row), late=late))
    said = said_of(made)
    assert len(said) == 1
    words = "Urban: cases reported from 21:00 to 22:00 are less often in time than the others: 30 of 60 ("
    assert said[0].startswith(words)


@pytest.mark.parametrize(
    ("language", "start", "end"),
    [
        ("en", "Urban: cases of 2026-05 are less often in time than the others: 60 of 100 (60.0%, ",
         "beyond chance among the 6 months with enough cases. There were 100 cases, where the median month has 40. "),
        ("zh", "城区：2026-05 按时率低于本类平均：60/100 件按时（60.0%，",
         "在案件数足够比较的 6 个月中仍超出偶然；当月 100 件，各月的中位数为 40 件。"),
    ],
)  # fmt: skip
def test_a_month_is_named_with_its_cases_beside_the_usual(language: str, start: str, end: str) -> None:
    """Six months of 40 cases, 4 of them late; 100 in May, of which 40; and five cases in August, all late."""
    made: list[Made] = []
    for month in range(3, 9):
        size, late = {5: (100, 40), 8: (5, 5)}.get(month, (40, 4))
        for n in range(size):
            at = datetime(2026, month, 1 + n % 28, n % 24, tzinfo=UTC)
            made.append(one(len(made), at, late=n < late))
    made += [one(1000 + n, datetime(2026, 9, 1 + n % 28, n % 24, tzinfo=UTC), late=n < 4) for n in range(40)]
    said = said_of(made, language)
    assert len(said) == 1
    assert said[0].startswith(start)
    assert end in said[0]


def test_a_lead_team_is_named_with_enough_cases_alone() -> None:
    """Of 200 cases each B has 20 late and A 80; C was late in all of its 12."""
    made = [one(n, MIDNIGHT + timedelta(hours=n), late=n < 20, team="B") for n in range(200)]
    made += [one(n, MIDNIGHT + timedelta(hours=n), late=n % 5 < 2, team="A") for n in range(200, 400)]
    made += [one(n, MIDNIGHT + timedelta(hours=n * 30), late=True, team="C") for n in range(400, 412)]
    said = [each for each in said_of(made) if "led by" in each]
    assert len(said) == 1
    assert said[0].startswith("Urban: cases led by Team A are less often in time than the others: 120 of 200 (60.0%, ")
    assert "beyond chance among the 2 teams with enough cases" in said[0]


def test_the_figures_of_two_classes_have_letters_and_none_in_time_is_not_no_case() -> None:
    """Eleven urban cases at ten, none in time; one rural at noon. A column of 0 % is 2.5 high, an hour without none."""
    made = [one(n, MIDNIGHT + timedelta(hours=10), late=True) for n in range(11)]
    made.append(case("r", MIDNIGHT + timedelta(hours=12), [Sent(on_scene_s=100)], response_class="rural"))
    known = Sources(
        "330703", "金东区", synthetic=True, history=history(*made), policy=RecordedPolicy(LEAD, "0123456789abcdef")
    )
    html = page(report_json(known), "en")
    urban = html[html.index("Figure 3a. Share in time by hour") : html.index("Figure 3b.")]
    assert urban.count("<rect") == 1
    assert 'height="2.5"' in urban
