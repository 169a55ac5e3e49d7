"""Who may do what, and which data a caller sees. Pure: roles, rights, scopes, masks.

A caller is a person (or a program) with a key. The role of the key gives rights: see the table `RIGHTS`. The scope of
the key says which data exist for the caller: all, one district, or one grid of a district with all grids below it.
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
    from uuid import UUID

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
    CORRECT = "correct the place or the owner of a case"
    DUTY = "put teams on and off duty"
    DECIDE = "decide on proposals"
    CLOSURES = "close roads and open them"
    LOAD = "load boundaries, roads, teams and law"
    UNMASK = "see a reporter's name and number in full"
    ERASE = "erase personal data"
    PAIR = "pair a device"
    PLAN = "plan where teams should stand"
    WATCH = "see metrics and jobs of the service"
    KEYS = "give and revoke keys"


class Role(StrEnum):
    """The job of the owner of a key; it gives the rights."""

    DISPATCHER = "dispatcher"
    OFFICER = "officer"
    SUPERVISOR = "supervisor"
    PLANNER = "planner"
    ENGINEER = "engineer"
    ADMIN = "admin"


# The rights of officers who work outside, and those of the dispatchers at a desk.
_FIELD = {Right.LOOK, Right.READ_TEXTS, Right.REPORT, Right.TEAM_STEP, Right.POSITION, Right.PAIR}
_DESK = _FIELD | {
    Right.STEP, Right.CLOSE, Right.ASSIGN, Right.OVERRIDE, Right.CORRECT, Right.DUTY, Right.DECIDE, Right.CLOSURES,
    Right.UNMASK,
}  # fmt: skip

RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.OFFICER: frozenset(_FIELD | {Right.STEP}),
    Role.DISPATCHER: frozenset(_DESK),
    Role.SUPERVISOR: frozenset({
        Right.LOOK, Right.READ_TEXTS, Right.REPORT, Right.CLOSE, Right.CORRECT, Right.DECIDE, Right.UNMASK, Right.PAIR,
        Right.PLAN,
    }),
    Role.PLANNER: frozenset({Right.LOOK, Right.PLAN}),
    Role.ENGINEER: frozenset({
        Right.LOOK, Right.CLOSURES, Right.LOAD, Right.WATCH,
    }),
    Role.ADMIN: frozenset(Right),
}  # fmt: skip
"""The rights of each role. An officer handles cases; only dispatchers (and administrators) send teams."""

DEVICE_RIGHTS = RIGHTS[Role.OFFICER] - {Right.PAIR}
"""The most that a paired device may do, whatever its owner may: a lost phone neither sends teams nor pairs devices."""

TRACKER_RIGHTS = frozenset({Right.POSITION})
"""What a tracker may do: its token is a part of an address, which proxies write into logs."""


def roles_with(right: Right) -> list[str]:
    """Return the roles that have a right, in the order of Role."""
    return [str(role) for role in Role if right in RIGHTS[role]]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which data exist for a caller.

    district: its code; None: every district. grid: the code of one grid; None: the whole district. grids: with `grid`,
    the codes in the generation in force of that grid, of all grids below it and of those above it. Of the grids above
    it the caller sees the names, not the cases and teams.
    """

    district: str | None = None
    grid: str | None = None
    grids: tuple[str, ...] = ()

    @property
    def whole_district(self) -> Scope:
        """The same scope without its grid: for decisions that must consider all teams of the district."""
        return self if self.grid is None else Scope(self.district)

    def holds_district(self, code: str) -> bool:
        """Whether a district, or a part of it, exists for the caller."""
        return self.district in (None, code)

    def holds_chain(self, codes: Mapping[str, str | None]) -> bool:
        """Whether a place with the owner chain {level: code or None} is in the grid; the district is not checked."""
        return self.grid is None or self.grid in codes.values()


EVERYTHING = Scope()
NOTHING = Scope(district="")
"""No district has an empty code, so no data exist."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request. `name` is the owner of the key, and the actor of the events that the request causes.

    `session` is the id of the browser session or device, None for a key. `rights` may be fewer than the
    role's, see `DEVICE_RIGHTS`. `team_id` is the team whose position a device reports, None = none.
    """

    name: str
    role: Role
    scope: Scope = EVERYTHING
    rights: frozenset[Right] = frozenset()
    key_id: str | None = None
    session: str | None = None
    is_device: bool = False
    team_id: UUID | None = None

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
    role_names = roles[0] if len(roles) == 1 else f"{', '.join(roles[:-1])} or {roles[-1]}"
    # The role has the right and the session has not: the session is a device's, with fewer rights.
    through = "a paired device" if caller.session is not None and right in RIGHTS[caller.role] else caller.role
    return NotAllowed(
        f"{caller.name} ({through}) may not {right}. Ask somebody who may: {role_names}.",
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
    """Return the digits of a number, without the country code 86 of a mobile number: each number has one spelling."""
    digits = "".join(letter for letter in phone if letter.isdigit())
    # 13 digits: 86 and a mobile number; 15: 0086 and a mobile number.
    return digits[-11:] if len(digits) in {13, 15} and digits.removeprefix("00").startswith("861") else digits


def mask_phone(phone: str) -> str:
    """Return a number with only its first three and last four digits, or with the last two where it is short."""
    digits = phone_digits(phone)
    if len(digits) >= 10:
        return f"{digits[:3]}****{digits[-4:]}"
    return f"****{digits[-2:]}" if len(digits) >= 5 else "****"


_NUMBERS_IN_TEXT = re.compile(
    r"(?<!\d)(?:\d{17}[\dXx]"  # number of an identity card
    r"|(?:(?:\+|00)?86[ -]?)?1[3-9]\d(?:[ -]?\d{4}){2}"  # a mobile telephone
    r"|0\d{2,3}[ -]?\d{7,8})(?!\d)",  # a fixed line with its area code
    re.ASCII,
)


def mask_numbers(text: str) -> str:
    """Return a text with masked telephone and identity numbers; dates, amounts and number plates are not changed."""
    return _NUMBERS_IN_TEXT.sub(lambda found: mask_phone(found[0]), text)


def mask_reporter(reporter: Mapping[str, Json]) -> dict[str, Json]:
    """Return a reporter with name and phone masked and all other fields hidden; `masked` is true."""
    masks = {"name": mask_name, "phone": mask_phone}
    shown = {key: masks[key](str(value)) if key in masks else "***" for key, value in reporter.items()}
    return shown | {"masked": True}
