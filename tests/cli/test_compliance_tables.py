"""The tables of `gridsvc compliance` in a terminal: by names, not by ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.cli.compliance_report import show_causes
from gridsvc.cli.compliance_tables import show_answer

if TYPE_CHECKING:
    import pytest

NAMES = {"lead": {"01-a": "多湖中队", "02-b": "东孝中队", "03-c": "Alpha"}}


def outcome(lead: str | None, hour: int) -> dict[str, Any]:
    counts = {"cases": 40, "met": 30, "late": 8, "missing": 2, "open": 0, "reached": None}
    shares = dict.fromkeys(
        ("met_share", "met_share_low", "met_share_high", "met_share_if_missing_late", "met_share_if_missing_met"), 0.5
    )
    return {"group": {"lead": lead, "hour": hour}, "rank_from": None} | counts | shares


def test_teams_stand_by_name_and_hours_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [outcome("01-a", 7), outcome("02-b", 9), outcome("02-b", 10), outcome(None, 3), outcome("03-c", 1)]
    show_answer({
        "clock": {"id": "p", "version": "0123456789", "start_event": "received", "stop_event": "lead", "percentile": 90,
                  "exclusions_not_recorded": []},
        "cases": {"counted": 200, "synthetic": False, "left_out": {}}, "since": None, "until": None, "names": NAMES,
        "outcomes": rows, "rows": [], "trend": None,
    })  # fmt: skip
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if "50.0%" in line]
    read = [[word for word in line if word not in "|│"][:3] for line in lines]
    assert [" ".join(each[:2]) for each in read] == [
        "Alpha 1", "东孝中队 9", "东孝中队 10", "多湖中队 7", "no team",
    ]  # fmt: skip


def of_class(late: int) -> dict[str, Any]:
    main = {"count": late, "n": late, "share": 1.0, "low": 0.5, "high": 1.0}
    cause = {"cause": "travel", "main": main, "overrun_s": 60.0 * late}
    return {"late": late, "causes": [cause], "remedies": [{"kind": "travel", "met": main}], "uncertain": 0}


def test_causes_stand_by_class_and_are_not_added_up(capsys: pytest.CaptureFixture[str]) -> None:
    show_causes(of_class(16) | {"by_class": {"urban": of_class(5), "rural": of_class(11)}})
    out = capsys.readouterr().out
    assert [line.split(",")[0] for line in out.splitlines() if "late cases" in line] == [
        "urban: 5 late cases", "rural: 11 late cases",
    ]  # fmt: skip
    assert "16" not in out


def test_no_late_case_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    show_causes(of_class(0) | {"by_class": {}})
    assert "No case of the period was late." in capsys.readouterr().err
