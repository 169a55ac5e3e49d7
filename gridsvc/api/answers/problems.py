"""The shape of every refusal."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict


class Problem(TypedDict):
    """A refusal as RFC 9457 problem details; docs/refusals.md lists the kinds and their parameters."""

    type: Annotated[str, Field(description="urn:gridsvc:problem: and the kind of refusal")]
    title: str
    status: int
    detail: Annotated[str, Field(description="what is wrong, where, and the cure, in English")]
    parameters: Annotated[dict[str, Any], Field(description="every value that `detail` names, by kind")]
    distance_m: NotRequired[Annotated[float, Field(description="to the nearest district")]]
    bearing_deg: NotRequired[Annotated[float, Field(description="towards the nearest district")]]
