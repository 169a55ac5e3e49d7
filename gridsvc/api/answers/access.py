"""Answers about sign-in, sessions and devices."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, NotRequired
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from gridsvc.access.scopes import Role


class Session(TypedDict):
    """Who the caller is and what the caller may do."""

    auth: Annotated[Literal["required", "off"], Field(description="off: every caller is the operator of this machine")]
    name: str
    role: Role
    district: Annotated[str | None, Field(description="null: all districts")]
    scope: Annotated[str | None, Field(description="code of the grid to which the caller is limited; null: no limit")]
    rights: list[str]
    session: Annotated[
        str | None, Field(description="id of the browser session or device; null: the caller sent a key")
    ]
    csrf: NotRequired[Annotated[str, Field(description="a browser sends it as X-CSRF-Token with every write")]]
    expires_at: NotRequired[datetime]


class Pairing(TypedDict):
    """A one-time code that pairs a device."""

    code: str
    expires_at: datetime
    team_id: UUID | None


class Device(TypedDict):
    """A paired device; `token` is its key and is shown once."""

    token: str
    name: str
    role: Role
    team_id: UUID | None
    expires_at: datetime
