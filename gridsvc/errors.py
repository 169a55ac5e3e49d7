"""Every refusal of gridsvc.

GridsvcError
├── Refusal                  the caller can act on it: says what is wrong, where, and the cure
│   ├── InvalidInput         a value that is not usable: NaN, an unknown type, a time without offset
│   │   ├── InvalidQuery     a query of OGC API - Features that the standard answers with 400
│   │   └── UndeclaredDatum  a file without a coordinate reference system, and none given
│   ├── NotFound             no such thing, or none that the caller may see
│   │   └── OutsideDistricts a place in no loaded district: distance and bearing to the nearest
│   ├── Conflict             a valid request that the present state does not allow
│   │   ├── IllegalStep      a case or team step that the state does not allow; the legal ones are listed
│   │   ├── TeamEngaged      the team is on another case; says which
│   │   └── BlockedByFaults  a generation whose faults forbid its activation
│   ├── NotAllowed           a known caller without the right
│   └── TooLarge             beyond a limit
└── Unavailable              not the caller's fault, and temporary: retry after retry_after_s
    └── DiskFull             free some space; the service then continues by itself

A refusal has three parts. `kind` is its name for programs and for translators. `detail` is its sentence in English.
`parameters` holds every value that the sentence names, so that a client can say it in its own language.
docs/refusals.md lists the kinds with their parameters; tests/test_refusals.py compares it with the code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gridsvc.json_types import Json


class GridsvcError(Exception):
    """Root of the tree."""


class Refusal(GridsvcError):
    """A refusal that its reader can act on.

    Parameters
    ----------
    detail
        What is wrong, where, and the cure, in one or two sentences.
    kind
        Name of the refusal for programs, in lower case with hyphens; the last part of the problem's `type`.
    parameters
        Every value that `detail` names, and more where it helps a program; JSON values only.
    """

    kind = "refused"

    def __init__(self, detail: str, *, kind: str | None = None, **parameters: Json) -> None:
        super().__init__(detail)
        self.detail = detail
        if kind is not None:
            self.kind = kind
        self.parameters = parameters


class InvalidInput(Refusal):
    kind = "invalid-input"


class InvalidQuery(InvalidInput):
    kind = "invalid-query"


class UndeclaredDatum(InvalidInput):
    kind = "undeclared-datum"


class NotFound(Refusal):
    kind = "not-found"


class OutsideDistricts(NotFound):
    """A place outside every loaded district; `parameters` has distance_m and bearing_deg to the nearest one."""

    kind = "outside"


class Conflict(Refusal):
    kind = "conflict"


class IllegalStep(Conflict):
    """`parameters` has `legal`, the steps that the state allows."""

    kind = "illegal-step"


class TeamEngaged(Conflict):
    """`parameters` has `team_id` and the `incident_id` that holds it."""

    kind = "team-engaged"


class BlockedByFaults(Conflict):
    kind = "blocked-by-faults"


class NotAllowed(Refusal):
    kind = "not-allowed"


class TooLarge(Refusal):
    kind = "too-large"


class Unavailable(GridsvcError):
    """A part of the service does not answer at the moment; nothing was written."""

    kind = "unavailable"

    def __init__(self, detail: str, *, kind: str | None = None, retry_after_s: int = 2, **parameters: Json) -> None:
        super().__init__(detail)
        self.detail = detail
        if kind is not None:
            self.kind = kind
        self.retry_after_s = retry_after_s
        self.parameters = parameters | {"retry_after_s": retry_after_s}


class LockTimedOut(Unavailable):
    """Another transaction held a lock for longer than this one was to wait; nothing was written."""

    def __init__(self) -> None:
        super().__init__("Another change takes longer than this one may wait. Nothing was written; try again.")


class DiskFull(Unavailable):
    """The disk of the database or of the data folder is full; nothing was written."""

    kind = "disk-full"

    def __init__(self) -> None:
        super().__init__(
            "The disk of the service is full. Nothing was written. Free some space; the service then continues by "
            "itself.",
            retry_after_s=10,
        )
