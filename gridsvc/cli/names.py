"""What people call things: types of incident, teams and cases by name or number, and the nearest ones to a mistype."""

from __future__ import annotations

import getpass
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from gridsvc.cli.answers import ACTOR
from gridsvc.errors import InvalidInput, NotFound, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gridsvc.operations.runtime.service import Service


def _login() -> str:
    try:
        return f"{ACTOR}: {getpass.getuser()}"
    except (KeyError, OSError):  # a user id without a name
        return ACTOR


actor_option = click.option(
    "--actor", metavar="NAME", default=_login, help="Who does this, for the event.  [default: your login name]"
)


# ---------------------------------------------------------------------------------------------------------------- types


def find_type(service: Service, text: str, district: str | None = None) -> str:
    """Return the id of a type of incident, which is given by id, Chinese name or English name.

    Raises
    ------
    InvalidInput
        With the nearest types, for an unknown one.
    """
    from gridsvc.operations.law.in_force import list_plans

    plans = list_plans(service, district)["items"]
    named: dict[str, str] = {}
    for plan in plans:
        for name in (plan["name_en"], plan["name"], plan["type"]):
            if name:
                named[name.casefold()] = plan["type"]
    if not plans:
        raise NotFound("No run cards are in force. Load them with `gridsvc load plans FILE`.", kind="no-plans")
    typed = text.strip().casefold()
    if found := named.get(typed):
        return found
    near = dict.fromkeys(named[name] for name in _nearest(typed, named))
    shown = [f"{plan['name']} ({plan['type']})" for kind in near for plan in plans if plan["type"] == kind]
    hint = f"Did you mean {' or '.join(shown)}?" if shown else "GET /response-plans lists the types."
    raise InvalidInput(f"There is no type of incident {text[:60]!r}. {hint}", kind="unknown-type", nearest=list(near))


# ---------------------------------------------------------------------------------------------------------------- teams


@dataclass(frozen=True, slots=True)
class Teams:
    """The teams of a service or of one district, as `list_fleet` returns them."""

    rows: list[dict[str, Any]]

    @classmethod
    def read(cls, service: Service, district: str | None = None) -> Teams:
        """Read the teams of a district, or of all."""
        from gridsvc.operations.teams.fleet import list_fleet

        return cls(list_fleet(service, district)["items"])

    def name_of(self, team_id: str) -> str:
        """Return a team's name; its id for a team that is not there."""
        return next((row["name"] for row in self.rows if row["id"] == team_id), team_id)

    def names(self) -> Mapping[str, str]:
        """Return the names by id."""
        return {row["id"]: row["name"] for row in self.rows}

    @contextmanager
    def in_refusals(self) -> Iterator[None]:
        """Name the teams in the refusals of a block by their names."""
        try:
            yield
        except Refusal as refusal:
            for team_id, name in self.names().items():
                refusal.detail = refusal.detail.replace(team_id, name)
            refusal.args = (refusal.detail,)
            raise

    def find(self, text: str) -> UUID:
        """Return the id of the team that is given by name or id.

        Raises
        ------
        NotFound
            With the nearest names, for an unknown team.
        InvalidInput
            For a name that several teams have; lists their ids.
        """
        typed = text.strip()
        found = [row for row in self.rows if typed in {row["id"], row["name"]}]
        if not found:
            found = [row for row in self.rows if _squeezed(row["name"]) == _squeezed(typed)]
        if len(found) == 1:
            return UUID(found[0]["id"])
        if found:
            ids = ", ".join(f"{row['id']} (district {row['district']})" for row in found)
            raise InvalidInput(
                f"{len(found)} teams are called {typed[:60]!r}. Give the id: {ids}.", kind="ambiguous-team"
            )
        near = _nearest(typed, [row["name"] for row in self.rows])
        hint = f"Did you mean {' or '.join(near)}?" if near else "`gridsvc teams list` lists them."
        raise NotFound(f"There is no team {typed[:60]!r}. {hint}", kind="no-team")


# ---------------------------------------------------------------------------------------------------------------- cases


def find_case(service: Service, text: str, district: str | None = None) -> UUID:
    """Return the id of the case that is given by number or id.

    Raises
    ------
    NotFound
        For a number that no case has, or a text that is neither.
    InvalidInput
        For a number that cases of several districts have.
    """
    from gridsvc.db.cases.filters import CaseFilter
    from gridsvc.operations.cases.read import list_cases

    typed = text.strip().removeprefix("#")
    if typed.isascii() and typed.isdigit() and len(typed) < 10:
        found = list_cases(service, CaseFilter(district=district, number=int(typed)), limit=20, after=None)["items"]
        if len(found) > 1:
            codes = ", ".join(case["district"] for case in found)
            raise InvalidInput(f"Cases of several districts have the number {typed}. Give --district: {codes}.")
        if found:
            return UUID(found[0]["id"])
    else:
        try:
            return UUID(typed)
        except ValueError:
            pass
    raise NotFound(
        f"There is no case {text[:60]!r}. Give its number or its id; `gridsvc incidents list` shows both.",
        kind="no-incident",
    )


def _nearest(typed: str, names: Iterable[str]) -> list[str]:
    """Return up to three names that are like what was typed, or contain it."""
    names = list(dict.fromkeys(names))
    containing = [name for name in names if len(typed) > 1 and typed.casefold() in name.casefold()]
    return list(dict.fromkeys([*containing, *get_close_matches(typed[:100], names, n=3, cutoff=0.5)]))[:3]


def _squeezed(name: str) -> str:
    return "".join(name.split()).casefold()
