"""Answers about addresses: candidates, suggestions, names learned from cases."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

QuestionKind = Literal["which-township", "which-village", "which-place", "is-it-here", "here-or-elsewhere", "where"]


class Candidate(TypedDict):
    """A place that an address may mean, WGS-84."""

    lon: float
    lat: float
    radius_m: Annotated[float, Field(description="the largest distance of what is meant from the point")]
    confidence: Annotated[float, Field(description="0 to 1; from 0.8 on it may be acted on unasked")]
    level: Annotated[
        str, Field(description="the finest kind of thing that was matched; elsewhere: in no district here")
    ]
    name: str
    township: str | None
    village: str | None
    words: Annotated[list[str], Field(description="the words of the address that decided, as they were given")]
    district: str


class AddressQuestion(TypedDict):
    """What to ask the caller before the best candidate is acted on."""

    kind: QuestionKind
    options: list[str]


class GeocodeAnswer(TypedDict):
    """What an address may mean, the most probable first."""

    candidates: list[Candidate]
    confirm: Annotated[bool, Field(description="no candidate may be acted on unasked")]
    question: AddressQuestion | None
    searched: Annotated[list[str], Field(description="codes of the districts in which it was looked up")]
    left_out: Annotated[int, Field(description="how many districts were not searched: name one with `district`")]
    outside: Annotated[str | None, Field(description="how the outside geocoder answered; null: it was not asked")]


class SuggestionList(TypedDict):
    """Places that begin with or hold what was typed, the best first."""

    items: list[Candidate]


class LearnedName(TypedDict):
    """A name for the place of a case; from two different persons on it is acted on."""

    incident_id: UUID
    persons: int
    acted_on: bool
