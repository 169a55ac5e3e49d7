"""Every refusal of gridsvc.

GridsvcError
├── Refusal                  the caller can do something about it: says what is wrong, where, and the cure
│   ├── InvalidInput         a value that cannot be meant: NaN, an unknown type, a time without offset
│   │   └── UndeclaredDatum  a file without a coordinate reference system, and none given
│   ├── NotFound             no such thing (or none that the caller may see)
│   │   └── OutsideDistricts a place in no loaded district: distance and bearing to the nearest
│   ├── Conflict             right in itself, impossible in the present state
│   │   ├── IllegalStep      a case or team step that the state does not allow; the legal ones are listed
│   │   ├── TeamEngaged      the team is on another case; says which
│   │   └── BlockedByFaults  a generation whose faults forbid its activation
│   ├── NotAllowed           known caller, not this deed
│   └── TooLarge             beyond a limit that is a setting
└── Unavailable              not the caller's fault, and it passes: come back after retry_after_s
    └── DiskFull             a person has to free some space; the service goes on by itself then
"""

from __future__ import annotations

from typing import Any


class GridsvcError(Exception):
    """Root of the tree."""


class Refusal(GridsvcError):
    """A refusal that its reader can act on.

    Parameters
    ----------
    detail
        What is wrong, where, and the cure, in one or two sentences.
    kind
        Slug that names the refusal for programs; becomes the last part of the problem's `type`.
    facts
        Further members of the problem document, JSON values only.
    """

    kind = "refused"

    def __init__(self, detail: str, *, kind: str | None = None, **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        if kind is not None:
            self.kind = kind
        self.facts = facts


class InvalidInput(Refusal):
    kind = "invalid-input"


class UndeclaredDatum(InvalidInput):
    kind = "undeclared-datum"


class NotFound(Refusal):
    kind = "not-found"


class OutsideDistricts(NotFound):
    """A place outside every loaded district; `facts` has distance_m and bearing_deg to the nearest one."""

    kind = "outside"


class Conflict(Refusal):
    kind = "conflict"


class IllegalStep(Conflict):
    """`facts` has `legal`, the steps that the state allows."""

    kind = "illegal-step"


class TeamEngaged(Conflict):
    """`facts` has `team_id` and the `incident_id` that holds it."""

    kind = "team-engaged"


class BlockedByFaults(Conflict):
    kind = "blocked-by-faults"


class NotAllowed(Refusal):
    kind = "not-allowed"


class TooLarge(Refusal):
    kind = "too-large"


class Unavailable(GridsvcError):
    """Something outside is away for a while; nothing was written."""

    kind = "unavailable"

    def __init__(self, detail: str, *, retry_after_s: int = 2) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s


class DiskFull(Unavailable):
    """The disk that the database or the data folder lies on is full; nothing was written."""

    kind = "disk-full"

    def __init__(self) -> None:
        super().__init__(
            "The disk of the service is full. Nothing was written. Free some space; then it goes on by itself.",
            retry_after_s=10,
        )
