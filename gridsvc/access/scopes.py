"""Who may do what, and which data a caller sees. Pure: roles, rights, scopes, masks.

A caller is a person (or a program) with a key. The role of the key gives rights, one table, `RIGHTS`. The scope of the
key says which data exist for the caller: everything, one district, or one grid of a district with all grids below it.
Data outside the scope are `NotFound`; an action without its right is `NotAllowed`, and the refusal lists the roles
that have the right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from gridsvc.errors import NotAllowed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gridsvc.json_types import Json


class Right(StrEnum):
    """An action that needs a right; the value completes the sentence "may not ..."."""

    LOOK = "see cases, teams, grids and maps"
    READ_TEXTS = "read the texts of reports"
    REPORT = "report an incident"
    TEAM_STEP = "take the steps of a team"
    STEP = "accept and handle cases"
    CLOSE = "archive, cancel and reopen cases"
    ASSIGN = "send the lawful joint team"
    OVERRIDE = "send a team of their own choice"
    POSITION = "report the position of a team"
    DUTY = "put teams on and off duty"
    DECIDE = "decide on proposals"
    CLOSURES = "close roads and open them"
    LOAD = "load boundaries, roads, teams and law"
    UNMASK = "see a reporter's name and number in full"
    ERASE = "erase personal data"
    PAIR = "pair a device"
    WATCH = "see metrics and jobs of the service"
    KEYS = "give and revoke keys"


class Role(StrEnum):
    """The post of a person."""

    DISPATCHER = "dispatcher"
    OFFICER = "officer"
    SUPERVISOR = "supervisor"
    PLANNER = "planner"
    ENGINEER = "engineer"
    ADMIN = "admin"


_FIELD = {Right.LOOK, Right.READ_TEXTS, Right.REPORT, Right.TEAM_STEP, Right.POSITION, Right.PAIR}
_DESK = _FIELD | {
    Right.STEP, Right.CLOSE, Right.ASSIGN, Right.OVERRIDE, Right.DUTY, Right.DECIDE, Right.CLOSURES, Right.UNMASK,
}  # fmt: skip

RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.OFFICER: frozenset(_FIELD | {Right.STEP}),
    Role.DISPATCHER: frozenset(_DESK),
    Role.SUPERVISOR: frozenset({
        Right.LOOK, Right.READ_TEXTS, Right.REPORT, Right.CLOSE, Right.DECIDE, Right.UNMASK, Right.PAIR,
    }),
    Role.PLANNER: frozenset({Right.LOOK}),
    Role.ENGINEER: frozenset({
        Right.LOOK, Right.CLOSURES, Right.LOAD, Right.WATCH,
    }),
    Role.ADMIN: frozenset(Right),
}  # fmt: skip
"""The rights of each role. An officer handles cases; only the desk sends teams."""

DEVICE_RIGHTS = RIGHTS[Role.OFFICER]
"""The most that a paired device may do, even where its owner has more rights: a lost phone sends no team."""


def roles_with(right: Right) -> list[str]:
    """Return the roles that have a right, in the order of Role."""
    return [str(role) for role in Role if right in RIGHTS[role]]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which data exist for a caller.

    district None: every district. grid None: the whole district; else the code of one grid, and `grids` the codes of
    that grid, of all grids below it and of those above it in the generation in force (the names of those above are
    shown, their cases and teams are not).
    """

    district: str | None = None
    grid: str | None = None
    grids: tuple[str, ...] = ()

    @property
    def whole_district(self) -> Scope:
        """The scope without its limit to a grid: for decisions over all teams of a district."""
        return self if self.grid is None else Scope(self.district)

    def holds_district(self, code: str) -> bool:
        """Whether a district, or a part of it, exists for the caller."""
        return self.district in (None, code)

    def holds_chain(self, codes: Mapping[str, str | None]) -> bool:
        """Whether a place whose owner chain is {level: code or None} is in the grid; the district is not checked."""
        return self.grid is None or self.grid in codes.values()


EVERYTHING = Scope()
NOTHING = Scope(district="")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request: `name` of the key's owner, which is the actor of events, with role, rights and scope.

    `session` is the id of the browser session or device, None for a bare key. `rights` may be fewer than the role's.
    """

    name: str
    role: Role
    scope: Scope = EVERYTHING
    rights: frozenset[Right] = frozenset()
    key_id: str | None = None
    session: str | None = None

    @classmethod
    def of(cls, name: str, role: Role, scope: Scope = EVERYTHING, *, key_id: str | None = None) -> Caller:
        """Return a caller with all rights of the role."""
        return cls(name, role, scope, RIGHTS[role], key_id)

    def may(self, right: Right) -> bool:
        """Whether the caller has a right."""
        return right in self.rights

    def need(self, right: Right) -> None:
        """Raise NotAllowed, with the roles that have the right, unless the caller has it."""
        if right not in self.rights:
            raise refusal(self, right)


def refusal(caller: Caller, right: Right) -> NotAllowed:
    """Return the refusal of an action; the parameter `may` lists the roles that have its right."""
    roles = roles_with(right)
    named = roles[0] if len(roles) == 1 else f"{', '.join(roles[:-1])} or {roles[-1]}"
    through = "a paired device" if caller.session is not None and right in RIGHTS[caller.role] else caller.role
    return NotAllowed(
        f"{caller.name} ({through}) may not {right}. Ask somebody who may: {named}.",
        name=caller.name,
        through=str(through),
        role=str(caller.role),
        right=right.name,
        may=roles,
    )


OPERATOR = Caller.of("local", Role.ADMIN)
"""The caller of the command line, of the background process and of a service without sign-in."""


def mask_name(name: str) -> str:
    """Return a name with only its first character: 王小明 -> 王**, Li Wei -> L**."""
    name = name.strip()
    return f"{name[0]}**" if name else ""


def phone_digits(phone: str) -> str:
    """Return the digits of a number, without the country code of a Chinese mobile number: one number, one text."""
    digits = "".join(letter for letter in phone if letter.isdigit())
    return digits[-11:] if len(digits) in {13, 15} and digits.removeprefix("00").startswith("861") else digits


def mask_phone(phone: str) -> str:
    """Return a number with only its first three and last four digits; of a short one, the last two."""
    digits = phone_digits(phone)
    if len(digits) >= 10:
        return f"{digits[:3]}****{digits[-4:]}"
    return f"****{digits[-2:]}" if len(digits) >= 5 else "****"


_NUMBERS_IN_TEXT = re.compile(
    r"(?<!\d)(?:\d{17}[\dXx]"  # an identity card
    r"|(?:(?:\+|00)?86[ -]?)?1[3-9]\d(?:[ -]?\d{4}){2}"  # a mobile telephone
    r"|0\d{2,3}[ -]?\d{7,8})(?!\d)",  # a fixed line with its area
    re.ASCII,
)


def mask_numbers(text: str) -> str:
    """Return a text in which telephone and identity numbers are masked; dates, amounts and plates stay."""
    return _NUMBERS_IN_TEXT.sub(lambda found: mask_phone(found[0]), text)


def mask_reporter(reporter: Mapping[str, Json]) -> dict[str, Json]:
    """Return a reporter masked: a desk can recognise the person, others cannot; `masked` is true."""
    masks = {"name": mask_name, "phone": mask_phone}
    shown = {key: masks[key](str(value)) if key in masks else "***" for key, value in reporter.items()}
    return shown | {"masked": True}
