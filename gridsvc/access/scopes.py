"""Who may do what, and how much of the world a caller sees. Pure: roles, rights, scopes, masks.

A caller is a person (or a program) with a key. Its role says which deeds are his, one table, `RIGHTS`. Its scope says
what exists for him: everything, one district, or one grid of a district with all that lies below it. What lies outside
does not exist (`NotFound`); a deed that is not his is `NotAllowed`, and the refusal names the roles that may.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from gridsvc.errors import NotAllowed

if TYPE_CHECKING:
    from collections.abc import Mapping


class Right(StrEnum):
    """A deed that not everybody may do; the value completes the sentence "may not ..."."""

    LOOK = "see cases, teams, grids and maps"
    READ_TEXTS = "read what reporters said of themselves and of others"
    REPORT = "report an incident"
    TEAM_STEP = "take the steps of a team"
    STEP = "accept and handle cases"
    CLOSE = "archive, cancel and reopen cases"
    ASSIGN = "send the lawful joint team"
    OVERRIDE = "send a team of one's own choice"
    POSITION = "report the position of a team"
    DUTY = "put teams on and off duty"
    DECIDE = "decide on proposals"
    CLOSURES = "close roads and open them"
    PLAN = "plan coverage"
    COMPLIANCE = "read response-time compliance"
    EXPORT = "take grids, roads and cases out as files"
    LOAD = "load boundaries, roads, teams and law"
    ACTIVATE = "put a generation in force"
    AUDIT = "read the evidence of everybody's deeds"
    UNMASK = "see a reporter's name and number in full"
    ERASE = "erase personal data"
    PAIR = "pair a device"
    WATCH = "watch the service itself: metrics and jobs"
    KEYS = "give and revoke keys"


class Role(StrEnum):
    """What a person is at work."""

    DISPATCHER = "dispatcher"
    OFFICER = "officer"
    SUPERVISOR = "supervisor"
    PLANNER = "planner"
    ENGINEER = "engineer"
    ADMIN = "admin"


_FIELD = {Right.LOOK, Right.READ_TEXTS, Right.REPORT, Right.TEAM_STEP, Right.POSITION, Right.PAIR}
_DESK = _FIELD | {
    Right.STEP, Right.CLOSE, Right.ASSIGN, Right.OVERRIDE, Right.DUTY, Right.DECIDE, Right.CLOSURES, Right.UNMASK,
    Right.COMPLIANCE,
}  # fmt: skip

RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.OFFICER: frozenset(_FIELD | {Right.STEP}),
    Role.DISPATCHER: frozenset(_DESK),
    Role.SUPERVISOR: frozenset({
        Right.LOOK, Right.READ_TEXTS, Right.REPORT, Right.CLOSE, Right.DECIDE, Right.COMPLIANCE, Right.EXPORT,
        Right.AUDIT, Right.UNMASK, Right.PAIR,
    }),
    Role.PLANNER: frozenset({Right.LOOK, Right.PLAN, Right.COMPLIANCE, Right.EXPORT}),
    Role.ENGINEER: frozenset({
        Right.LOOK, Right.CLOSURES, Right.LOAD, Right.ACTIVATE, Right.EXPORT, Right.WATCH,
    }),
    Role.ADMIN: frozenset(Right),
}  # fmt: skip
"""Who may what. An officer handles cases; sending teams is the desk's."""

DEVICE_RIGHTS = RIGHTS[Role.OFFICER]
"""The most that a paired device may do, whatever its owner may: a lost phone sends no team."""

_RIGHT_OF_STEP: Mapping[str, Right] = {
    "accept": Right.STEP, "handle": Right.STEP, "feedback": Right.STEP, "transfer": Right.STEP, "return": Right.STEP,
    "archive": Right.CLOSE, "cancel": Right.CLOSE, "reopen": Right.CLOSE, "merge": Right.CLOSE,
    "assign": Right.ASSIGN,
    "acknowledge": Right.TEAM_STEP, "decline": Right.TEAM_STEP, "en_route": Right.TEAM_STEP,
    "on_scene": Right.TEAM_STEP, "clear": Right.TEAM_STEP, "withdraw": Right.TEAM_STEP,
}  # fmt: skip


def right_of_step(step: str, *, named_team: bool = False) -> Right:
    """Return the right that a step needs; an order that names its team is the caller's own choice.

    An unknown step needs that of a step, so that it is refused as unknown and not as forbidden.
    """
    if step == "assign" and named_team:
        return Right.OVERRIDE
    return _RIGHT_OF_STEP.get(step, Right.LOOK)


def roles_with(right: Right) -> list[str]:
    """Return the roles that have a right, in the order of Role."""
    return [str(role) for role in Role if right in RIGHTS[role]]


@dataclass(frozen=True, slots=True)
class Scope:
    """What exists for a caller.

    district None: every district. grid None: the whole district; else the code of one grid, and `grids` the codes of
    that grid, of all grids below it and of those above it in the generation in force (its names may be seen, what
    happens in them may not).
    """

    district: str | None = None
    grid: str | None = None
    grids: tuple[str, ...] = ()

    @property
    def whole_district(self) -> Scope:
        """The same without the limit to a grid: for decisions that the law makes over all teams of a district."""
        return self if self.grid is None else Scope(self.district)

    def holds_district(self, code: str) -> bool:
        """Whether a district, or a part of it, exists for the caller."""
        return self.district in (None, code)

    def holds_chain(self, codes: Mapping[str, Any]) -> bool:
        """Whether a place whose owner chain is {level: code or None} lies in the grid (the district is not asked)."""
        return self.grid is None or self.grid in codes.values()


EVERYTHING = Scope()
NOTHING = Scope(district="")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: `name` of the key's owner, which is the actor in every event, and what he is and sees.

    `session` is the id of the browser session or device he comes through, None for a bare key. `rights` may be fewer
    than his role's.
    """

    name: str
    role: Role
    scope: Scope = EVERYTHING
    rights: frozenset[Right] = frozenset()
    key_id: str | None = None
    session: str | None = None

    @classmethod
    def of(cls, name: str, role: Role, scope: Scope = EVERYTHING, **more: Any) -> Caller:
        """Return a caller with all rights of his role."""
        return cls(name, role, scope, RIGHTS[role], **more)

    def may(self, right: Right) -> bool:
        """Whether a deed is his."""
        return right in self.rights

    def need(self, right: Right) -> None:
        """Refuse a deed that is not his: NotAllowed, naming the roles that may."""
        if right not in self.rights:
            raise refusal(self, right)


def refusal(caller: Caller, right: Right) -> NotAllowed:
    """Return the refusal of a deed, with the roles that may (`facts` has `may`)."""
    roles = roles_with(right)
    named = roles[0] if len(roles) == 1 else f"{', '.join(roles[:-1])} or {roles[-1]}"
    through = "a paired device" if caller.session is not None and right in RIGHTS[caller.role] else caller.role
    return NotAllowed(
        f"{caller.name} ({through}) may not {right}. Ask one who may: {named}.", may=roles, role=str(caller.role)
    )


OPERATOR = Caller.of("local", Role.ADMIN)
"""Whoever works on the machine itself: the command line, the background process, a service without sign-in."""


def mask_name(name: str) -> str:
    """Return a name of which only the family name's first character is left: 王小明 -> 王**, Li Wei -> L**."""
    name = name.strip()
    return f"{name[0]}**" if name else ""


def phone_digits(phone: str) -> str:
    """Return the digits of a number, without the country code of a Chinese mobile number: one number, one text."""
    digits = "".join(letter for letter in phone if letter.isdigit())
    return digits[-11:] if len(digits) in {13, 15} and digits.removeprefix("00").startswith("861") else digits


def mask_phone(phone: str) -> str:
    """Return a number of which the first three and the last four digits are left; of a short one, the last two."""
    digits = phone_digits(phone)
    if len(digits) >= 10:
        return f"{digits[:3]}****{digits[-4:]}"
    return f"****{digits[-2:]}" if len(digits) >= 5 else "****"


_NUMBERS_IN_WORDS = re.compile(
    r"(?<!\d)(?:\d{17}[\dXx]"  # an identity card
    r"|(?:(?:\+|00)?86[ -]?)?1[3-9]\d(?:[ -]?\d{4}){2}"  # a mobile telephone
    r"|0\d{2,3}[ -]?\d{7,8})(?!\d)",  # a fixed line with its area
    re.ASCII,
)


def mask_numbers(words: str) -> str:
    """Return free words in which telephone and identity numbers are masked; dates, amounts and plates stay."""
    return _NUMBERS_IN_WORDS.sub(lambda found: mask_phone(found[0]), words)


def mask_reporter(reporter: Mapping[str, Any]) -> dict[str, Any]:
    """Return who reported so that a desk recognises him and a looker-on does not: `masked` is true."""
    masks = {"name": mask_name, "phone": mask_phone}
    shown = {key: masks[key](str(value)) if key in masks else "***" for key, value in reporter.items()}
    return shown | {"masked": True}
