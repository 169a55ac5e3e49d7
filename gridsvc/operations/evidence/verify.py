"""Proof that nothing was changed, removed or cut off (R18).

The chain is checked from its first link, every row of a case is rebuilt from its events, and every other row that
answers rest on is compared with its sealed digest. Every fault is named, not the first one alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from gridsvc.db.evidence import events, row_digests
from gridsvc.db.grids.versions import list_districts
from gridsvc.db.jobs.last_runs import put_last_run
from gridsvc.errors import InvalidInput, Refusal
from gridsvc.operations.evidence.case_checks import check_cases
from gridsvc.operations.evidence.chain_walk import walk
from gridsvc.operations.evidence.faults import Faults
from gridsvc.operations.evidence.row_checks import check_contents, check_notes, check_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from gridsvc.json_types import Json
    from gridsvc.operations.jobs.jobs import Run
    from gridsvc.operations.runtime.service import Service

    Progress = Callable[[int, int], None]

_SAY_EVERY = 5000


@dataclass(frozen=True, slots=True)
class ChainReport:
    """The outcome for one district: it holds where `fault_count` is 0. `faults` are the first thousand, in words.

    `sealed` events end at `hash`. `unsealed` events wait for their seal, the oldest for `unsealed_s` seconds: that is
    no fault, and nothing proves them yet. `cases` agree with their events, `rows` with their digests; of
    `rows_upgraded` of them nothing is known from before the upgrade that gave them their first digest.
    """

    district: str
    sealed: int
    hash: str
    faults: tuple[str, ...] = ()
    fault_count: int = 0
    unsealed: int = 0
    unsealed_s: float = 0.0
    cases: int = 0
    rows: int = 0
    rows_upgraded: int = 0

    @property
    def holds(self) -> bool:
        """Whether no fault was found."""
        return self.fault_count == 0

    @property
    def wrong(self) -> str | None:
        """All faults that are named, None where it holds."""
        return "; ".join(self.faults) or None

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values; `wrong`: the first fault, None where it holds."""
        return asdict(self) | {"wrong": self.faults[0] if self.faults else None}

    @property
    def words(self) -> str:
        """The first fault, and how many there are."""
        more = f" ({self.fault_count} faults in all)" if self.fault_count > 1 else ""
        return f"The evidence of {self.district} does not hold: {self.faults[0]}{more}."


def verify(
    service: Service, *, anchor: dict[str, Any] | None = None, progress: Progress | None = None
) -> list[ChainReport]:
    """Walk the chain of every district, compare every row with what proves it, and name all that is wrong.

    All of it reads one snapshot of the database; writers are not blocked.

    Parameters
    ----------
    anchor
        What `anchor` gave earlier, kept elsewhere: proves that no tail was cut off and no chain replaced since.
    """
    anchors = {} if anchor is None else _read_anchor(anchor)
    with service.database.snapshot() as connection:
        loaded = [district.code for district in list_districts(connection)]
        codes = sorted({*loaded, *events.list_chains(connection), *row_digests.list_districts(connection)})
        total = sum(events.count_chain(connection, code) for code in codes)
        say = _Progress(progress, total)
        reports = [_verify_district(connection, code, anchors.get(code), say) for code in codes]
    missing = sorted(set(anchors) - set(codes))
    return reports + [
        ChainReport(code, 0, "", (f"district {code} of the anchor does not exist",), 1) for code in missing
    ]


def anchor(service: Service) -> dict[str, Any]:
    """Return the end of every chain. Store it where the users of this database cannot write."""
    reports = verify(service)
    for report in reports:
        if not report.holds:
            raise InvalidInput(f"{report.words} It is not anchored.")
    ends: dict[str, Any] = {r.district: {"position": r.sealed, "hash": r.hash} for r in reports}
    service.database.run(lambda connection: put_last_run(connection, "anchor", ends))
    return {"districts": ends}


def run_verify(run: Run) -> Json:
    """Verify as a job: its result is one report a district; a chain that does not hold fails the job."""
    reports = verify(run.service, progress=lambda done, total: run.progress(done, total, "events"))
    refuse_faults(reports)
    return [report.as_json() for report in reports]


def refuse_faults(reports: list[ChainReport]) -> None:
    """Raise Refusal (chain-broken) with the first fault, where there is one."""
    if broken := [report for report in reports if not report.holds]:
        raise Refusal(broken[0].words, kind="chain-broken")


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
    faults = Faults()
    end = walk(connection, code, anchored, faults, say.count)
    compared = check_rows(connection, code, end.proven, faults)
    check_contents(connection, code, faults)
    check_notes(connection, code, end.proven, faults)
    cases = check_cases(connection, code, end.proven, faults)
    unsealed, unsealed_s = events.count_unsealed(connection, code)
    return ChainReport(
        code,
        end.position,
        end.hash.hex(),
        tuple(faults.named),
        faults.count,
        unsealed,
        unsealed_s,
        cases,
        compared.rows,
        compared.upgraded,
    )


def _read_anchor(value: dict[str, Any]) -> dict[str, tuple[int, str]]:
    try:
        return {code: (int(end["position"]), str(end["hash"])) for code, end in value["districts"].items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InvalidInput(
            "The anchor is no file of `gridsvc audit anchor`. Give the file as it was written."
        ) from None
