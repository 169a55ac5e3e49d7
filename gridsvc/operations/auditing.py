"""Proof that nothing was changed, removed or cut off: the chain walked from its beginning (R18)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from gridsvc import audit
from gridsvc.db import events
from gridsvc.db.access_tables import ALL_DISTRICTS
from gridsvc.db.documents import get_document
from gridsvc.db.incidents import find_incident
from gridsvc.db.versions import list_districts
from gridsvc.errors import InvalidInput, NotFound, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.operations.jobs import Run
    from gridsvc.operations.service import Service

UNSEALED_AFTER_S = 10.0


@dataclass(frozen=True, slots=True)
class ChainReport:
    """The outcome for one district. `wrong` None = the chain holds; else the first thing that does not."""

    district: str
    sealed: int
    hash: str
    wrong: str | None


def verify(
    service: Service, *, anchor: dict[str, Any] | None = None, progress: Callable[[int, int], None] | None = None
) -> list[ChainReport]:
    """Walk the chain of every district and name the first bad row.

    Parameters
    ----------
    anchor
        What `anchor` gave earlier, kept elsewhere: proves that no tail was cut off and no chain replaced since.
    """
    anchors = {} if anchor is None else _read_anchor(anchor)
    with service.database.transaction() as connection:
        districts = [district.code for district in list_districts(connection)]
        if events.has_events(connection, ALL_DISTRICTS):  # sign-ins and keys of all districts have a chain of their own
            districts.append(ALL_DISTRICTS)
        missing = sorted(set(anchors) - set(districts))
        reports = [_verify_district(connection, code, anchors.get(code), progress) for code in districts]
    gone = [ChainReport(code, 0, "", f"district {code} of the anchor is gone") for code in missing]
    return reports + gone


def anchor(service: Service) -> dict[str, Any]:
    """Return the end of every chain: to be kept where nobody who writes here can reach it."""
    reports = verify(service)
    for report in reports:
        if report.wrong is not None:
            raise InvalidInput(f"The chain of {report.district} does not hold: {report.wrong}. It is not anchored.")
    return {"districts": {r.district: {"position": r.sealed, "hash": r.hash} for r in reports}}


def replay(service: Service, incident_id: UUID) -> dict[str, Any]:
    """Recompute a case's recommendation from what its event recorded, in this process.

    Returns {"incident_id", "same": bool, "differs": [names of what differs], "tampered": [names of inputs]}.

    Raises
    ------
    NotFound
        For an unknown case, or one whose law is no longer kept.
    """
    from gridsvc.dispatch import Prepared
    from gridsvc.dispatch import replay as recompute

    with service.database.transaction() as connection:
        case = find_incident(connection, incident_id)
        if case is None:
            raise NotFound(f"There is no case {incident_id}.", kind="no-incident")
        rows = events.list_incident_events(connection, case.district, incident_id)
        reported = next(event for event in map(json.loads, (body for body, _ in rows)) if event["kind"] == "report")
        answer = reported["data"]["answer"]
        inputs = reported["data"]["inputs"]
        texts = {
            name: get_document(connection, case.district, name, digest) for name, digest in inputs["versions"].items()
        }
    tampered = [
        name for name, text in texts.items() if hashlib.sha256(text.encode()).hexdigest() != inputs["versions"][name]
    ]
    again = audit.whole(recompute(Prepared.from_documents(**texts), inputs).as_json())
    recorded = answer["recommendation"] | {"handler": answer["handler"]}
    differs = sorted(key for key in again if key in recorded and again[key] != audit.whole(recorded[key]))
    stored = audit.whole(case.details)
    tampered += sorted(key for key in answer if stored.get(key) != answer[key])
    return {
        "incident_id": str(incident_id),
        "same": not differs and not tampered,
        "differs": differs,
        "tampered": tampered,
    }


def run_verify(run: Run) -> Any:
    """Verify as a job: its result is one report a district; a chain that does not hold fails the job."""
    reports = verify(run.service, progress=lambda done, _of: run.progress(done, None, "events"))
    if wrong := [report for report in reports if report.wrong is not None]:
        raise Refusal(f"The chain of {wrong[0].district} does not hold: {wrong[0].wrong}.", kind="chain-broken")
    return [asdict(report) for report in reports]


def _verify_district(
    connection: Connection,
    code: str,
    anchored: tuple[int, str] | None,
    progress: Callable[[int, int], None] | None,
) -> ChainReport:
    previous, position, wrong = audit.GENESIS, 0, None
    for row in events.iterate_chain(connection, code):
        expected = position + 1
        if row.position != expected:
            wrong = f"position {expected} is missing (the next one is {row.position})"
        elif row.body is None:
            wrong = f"position {row.position}: its event {row.event_id} is gone"
        elif audit.seal(previous, row.position, row.body) != row.hash:
            wrong = f"position {row.position}: event {row.event_id} or its seal was changed"
        if wrong is not None:
            return ChainReport(code, position, previous.hex(), wrong)
        previous, position = row.hash, row.position
        if anchored is not None and position == anchored[0] and previous.hex() != anchored[1]:
            return ChainReport(code, position, previous.hex(), f"position {position} differs from the anchor")
        if progress is not None and position % 5000 == 0:
            progress(position, position)
    if anchored is not None and position < anchored[0]:
        wrong = f"the chain ends at {position}, the anchor saw {anchored[0]}: its tail was cut off"
    elif late := events.list_late_unsealed(connection, code, UNSEALED_AFTER_S):
        wrong = f"event {late[0]} waits for its seal since over {UNSEALED_AFTER_S:.0f} s ({len(late)} in all)"
    elif unmarked := events.list_unchained(connection, code):
        wrong = f"event {unmarked[0]} is outside the chain ({len(unmarked)} in all)"
    return ChainReport(code, position, previous.hex(), wrong)


def _read_anchor(value: dict[str, Any]) -> dict[str, tuple[int, str]]:
    try:
        return {code: (int(end["position"]), str(end["hash"])) for code, end in value["districts"].items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InvalidInput(
            "The anchor is no file of `gridsvc audit anchor`. Give the file as it was written."
        ) from None
