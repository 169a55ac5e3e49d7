"""Proof that nothing was changed, removed or cut off (R18).

The chain is checked from its first link, and every row is rebuilt from its events.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from gridsvc.db.evidence import case_rows, events
from gridsvc.db.grids.versions import list_districts
from gridsvc.errors import InvalidInput, Refusal
from gridsvc.evidence import chain
from gridsvc.operations.evidence.rebuild import differences, rebuild_case

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from gridsvc.json_types import Json
    from gridsvc.operations.jobs.jobs import Run
    from gridsvc.operations.runtime.service import Service

    Progress = Callable[[int, int], None]

UNSEALED_AFTER_S = 10.0
_SEALER_HAS_S = 2.0
"""What a long transaction committed just now is old and not sealed yet: a living sealer has it within this time."""
_SAY_EVERY = 5000


@dataclass(frozen=True, slots=True)
class ChainReport:
    """The outcome for one district. `wrong` None = all of it holds; else the first thing that does not.

    `sealed` events end at `hash`; the rows of `cases` cases were compared with their events.
    """

    district: str
    sealed: int
    hash: str
    wrong: str | None
    cases: int = 0


def verify(
    service: Service, *, anchor: dict[str, Any] | None = None, progress: Progress | None = None
) -> list[ChainReport]:
    """Walk the chain of every district, compare every case with its events, and name the first thing that is wrong.

    All of it reads one snapshot of the database; writers are not blocked.

    Parameters
    ----------
    anchor
        What `anchor` gave earlier, kept elsewhere: proves that no tail was cut off and no chain replaced since.
    """
    anchors = {} if anchor is None else _read_anchor(anchor)
    with service.database.snapshot() as connection:
        loaded = [district.code for district in list_districts(connection)]
        codes = sorted({*loaded, *events.list_chains(connection)})
        total = sum(events.count_chain(connection, code) for code in codes)
        say = _Progress(progress, total)
        reports = [_verify_district(connection, code, anchors.get(code), say) for code in codes]
    reports = [_with_unsealed(service, report) for report in reports]
    missing = sorted(set(anchors) - set(codes))
    return reports + [ChainReport(code, 0, "", f"district {code} of the anchor does not exist") for code in missing]


def anchor(service: Service) -> dict[str, Any]:
    """Return the end of every chain. Store it where the users of this database cannot write."""
    reports = verify(service)
    for report in reports:
        if report.wrong is not None:
            raise InvalidInput(f"The evidence of {report.district} does not hold: {report.wrong}. It is not anchored.")
    return {"districts": {r.district: {"position": r.sealed, "hash": r.hash} for r in reports}}


def run_verify(run: Run) -> Json:
    """Verify as a job: its result is one report a district; a chain that does not hold fails the job."""
    reports = verify(run.service, progress=lambda done, total: run.progress(done, total, "events"))
    if wrong := [report for report in reports if report.wrong is not None]:
        raise Refusal(f"The evidence of {wrong[0].district} does not hold: {wrong[0].wrong}.", kind="chain-broken")
    return [asdict(report) for report in reports]


class _Progress:
    """Counts over all districts, and reports progress."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def count(self) -> None:
        self._done += 1
        if self._progress is not None and (self._done % _SAY_EVERY == 0 or self._done == self._total):
            self._progress(self._done, self._total)


def _verify_district(
    connection: Connection, code: str, anchored: tuple[int, str] | None, say: _Progress
) -> ChainReport:
    position, previous, wrong = _walk(connection, code, anchored, say)
    if wrong is None and anchored is not None and position < anchored[0]:
        wrong = f"the chain ends at {position}, the anchor saw {anchored[0]}: its tail was cut off"
    if wrong is None and (lost := events.list_marks_without_event(connection, code)):
        wrong = f"event {lost[0]} was removed before it had its seal ({len(lost)} in all)"
    if wrong is None and (unmarked := events.list_unchained(connection, code)):
        wrong = f"event {unmarked[0]} is outside the chain ({len(unmarked)} in all)"
    cases = 0
    if wrong is None:
        cases, wrong = _compare_cases(connection, code)
    return ChainReport(code, position, previous.hex(), wrong, cases)


def _walk(
    connection: Connection, code: str, anchored: tuple[int, str] | None, say: _Progress
) -> tuple[int, bytes, str | None]:
    """Return the last good position, its hash, and what is wrong behind it."""
    previous, position = chain.GENESIS, 0
    for row in events.iterate_chain(connection, code):
        if row.position != position + 1:
            return position, previous, f"position {position + 1} is missing (the next one is {row.position})"
        where = f"position {row.position}: event {row.event_id}"
        if row.body is None:
            return position, previous, f"{where} is gone"
        if chain.seal(previous, row.position, row.body) != row.hash:
            return position, previous, f"{where} or its seal was changed"
        if not chain.columns_agree(
            row.body, district=code, event_id=row.event_id, incident_id=row.incident_id, kind=row.kind, at=row.at
        ):
            return position, previous, f"{where}: its columns say other than its text"
        previous, position = row.hash, row.position
        if anchored is not None and position == anchored[0] and previous.hex() != anchored[1]:
            return position, previous, f"position {position} differs from the anchor"
        say.count()
    return position, previous, None


def _compare_cases(connection: Connection, code: str) -> tuple[int, str | None]:
    """Return how many cases agree with their events, and the first that does not."""
    agreeing = 0
    for rows in case_rows.iterate_cases(connection, code):
        try:
            case = rebuild_case(rows)
        except (KeyError, ValueError, TypeError) as error:
            return agreeing, f"the events of case {rows.id} cannot follow each other: {error}"
        if case is None:
            return agreeing, f"case {rows.id} has a row and no report among its events"
        if rows.row is None:
            return agreeing, f"case {rows.id} has events and no row"
        if found := differences(case, rows):
            return agreeing, f"case {rows.id} differs from its events in: {', '.join(found[:5])}"
        agreeing += 1
    return agreeing, None


def _with_unsealed(service: Service, report: ChainReport) -> ChainReport:
    """Add what waits too long for its seal; what the sealer takes meanwhile was only committed late."""
    if report.wrong is not None:
        return report
    late = _late(service, report.district)
    if late:
        time.sleep(_SEALER_HAS_S)
        late &= _late(service, report.district)
    if not late:
        return report
    words = f"event {min(late)} waits for its seal since over {UNSEALED_AFTER_S:.0f} s ({len(late)} in all)"
    return ChainReport(report.district, report.sealed, report.hash, words, report.cases)


def _late(service: Service, code: str) -> set[str]:
    with service.database.transaction() as connection:
        return {str(each) for each in events.list_late_unsealed(connection, code, UNSEALED_AFTER_S)}


def _read_anchor(value: dict[str, Any]) -> dict[str, tuple[int, str]]:
    try:
        return {code: (int(end["position"]), str(end["hash"])) for code, end in value["districts"].items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InvalidInput(
            "The anchor is no file of `gridsvc audit anchor`. Give the file as it was written."
        ) from None
