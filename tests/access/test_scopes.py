"""Who may what: roles, scopes, masks (DESIGN 7, R19)."""

from __future__ import annotations

import pytest

from gridsvc.access.scopes import (
    DEVICE_RIGHTS,
    EVERYTHING,
    NOTHING,
    OPERATOR,
    RIGHTS,
    Caller,
    Right,
    Role,
    Scope,
    mask_name,
    mask_numbers,
    mask_phone,
    mask_reporter,
    roles_with,
)
from gridsvc.cases.steps import STEPS, TEAM_STEPS, right_of_step
from gridsvc.errors import NotAllowed

CHAIN = {"regional": "R1", "township": "T1", "area": "A1", "village": "V1"}


def test_every_role_has_rights_and_every_right_has_a_role() -> None:
    assert set(RIGHTS) == set(Role)
    assert all(roles_with(right) for right in Right)


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        (Role.OFFICER, [Right.REPORT, Right.STEP, Right.TEAM_STEP], [Right.ASSIGN, Right.CLOSE, Right.UNMASK]),
        (Role.DISPATCHER, [Right.ASSIGN, Right.OVERRIDE, Right.UNMASK, Right.CLOSURES], [Right.LOAD, Right.ERASE]),
        (Role.SUPERVISOR, [Right.DECIDE, Right.CLOSE], [Right.ASSIGN, Right.LOAD]),
        (Role.PLANNER, [Right.LOOK], [Right.REPORT, Right.READ_TEXTS, Right.STEP]),
        (Role.ENGINEER, [Right.LOAD, Right.WATCH], [Right.READ_TEXTS, Right.REPORT, Right.KEYS]),
        (Role.ADMIN, list(Right), []),
    ],
)
def test_deeds_of_a_role(role: Role, may: list[Right], may_not: list[Right]) -> None:
    caller = Caller.of("x", role)
    assert all(caller.may(right) for right in may)
    assert not any(caller.may(right) for right in may_not)


def test_only_an_administrator_gives_keys_and_erases() -> None:
    assert roles_with(Right.KEYS) == roles_with(Right.ERASE) == ["admin"]


def test_a_refusal_names_who_may() -> None:
    with pytest.raises(NotAllowed) as refused:
        Caller.of("赵六", Role.PLANNER).need(Right.ASSIGN)
    assert "赵六 (planner) may not send the lawful joint team" in refused.value.detail
    assert "dispatcher or admin" in refused.value.detail
    assert refused.value.parameters["may"] == ["dispatcher", "admin"]


def test_a_lost_device_sends_no_team_whoever_owns_it() -> None:
    assert Right.ASSIGN not in DEVICE_RIGHTS
    assert Right.KEYS not in DEVICE_RIGHTS
    assert Right.PAIR not in DEVICE_RIGHTS
    assert Right.REPORT in DEVICE_RIGHTS


def test_every_step_has_a_right_of_its_own() -> None:
    for step in (*STEPS, *TEAM_STEPS):
        assert right_of_step(step) is not Right.LOOK, step
    assert right_of_step("assign") is Right.ASSIGN
    assert right_of_step("assign", named_team=True) is Right.OVERRIDE
    assert right_of_step("on_scene", named_team=True) is Right.TEAM_STEP


def test_scope_of_a_grid_holds_what_lies_below_it_and_nothing_else() -> None:
    assert Scope("330703", "T1").holds_chain(CHAIN)
    assert Scope("330703", "V1").holds_chain(CHAIN)
    assert not Scope("330703", "T2").holds_chain(CHAIN)
    assert Scope("330703").holds_chain(CHAIN)
    # A case of the regional grid, or one whose grids are not known, is not a township's.
    assert not Scope("330703", "T1").holds_chain({"regional": "R1", "township": None, "area": None, "village": None})
    assert not Scope("330703", "T1").holds_chain(dict.fromkeys(CHAIN))


def test_scope_of_a_district() -> None:
    assert EVERYTHING.holds_district("330703")
    assert Scope("330703").holds_district("330703")
    assert not Scope("330703").holds_district("330702")
    assert not NOTHING.holds_district("330703")
    assert Scope("330703", "T1", ("T1",)).whole_district == Scope("330703")


def test_the_operator_of_the_machine_may_everything_everywhere() -> None:
    assert OPERATOR.scope == EVERYTHING
    assert all(OPERATOR.may(right) for right in Right)


@pytest.mark.parametrize(
    ("phone", "masked"),
    [
        ("13812341234", "138****1234"),
        ("138 1234 1234", "138****1234"),
        ("+86 138-1234-1234", "138****1234"),
        ("008613812341234", "138****1234"),
        ("0579-82191234", "057****1234"),
        ("82191234", "****34"),
        ("110", "****"),
        ("", "****"),
    ],
)
def test_phone_numbers_are_masked(phone: str, masked: str) -> None:
    assert mask_phone(phone) == masked


@pytest.mark.parametrize(("name", "masked"), [("王小明", "王**"), (" Li Wei", "L**"), ("王", "王**"), ("", "")])
def test_names_are_masked(name: str, masked: str) -> None:
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("words", "masked"),
    [
        ("漏气，联系 13812345678。", "漏气，联系 138****5678。"),
        ("call +86 138 1234 5678 or 0579-82191234", "call 138****5678 or 057****1234"),
        ("身份证330703199001011234，另一人33070319900101123X", "身份证330****1234，另一人330****1123"),
        ("2026-03-01 08:30, 1500 m², 浙G12345, 330703001000, 119.69123456", None),
        ("no. 138123456789 is no telephone", None),
    ],
)
def test_numbers_are_masked_in_free_words_and_nothing_else_is(words: str, masked: str | None) -> None:
    assert mask_numbers(words) == (masked or words)


def test_a_masked_reporter_says_nothing_that_was_said() -> None:
    told = {"name": "王小明", "phone": "13812345678", "address": "金东区多湖街道东湄路1号"}
    masked = mask_reporter(told)
    assert masked == {"name": "王**", "phone": "138****5678", "address": "***", "masked": True}
