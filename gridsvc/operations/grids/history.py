"""The past of one grid: its names, shapes and ancestors by generation, and when each was in force (R4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.db.grids import generations as store
from gridsvc.errors import NotFound
from gridsvc.grids.differences import compare
from gridsvc.grids.review import review

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from gridsvc.db.grids.generations import Entry, Past
    from gridsvc.grids.review import GridChange
    from gridsvc.operations.runtime.service import Service


def history(service: Service, district: str, code: str) -> list[dict[str, Any]]:
    """Return the grid of a code in every generation, the oldest first, with what became of it since the one before.

    `changes` are those of `gridsvc.grids.review`; `from` and `to` are the grids that its ground came from and went to.
    The generation that ends it is listed, too.
    """
    with service.database.transaction() as connection:
        rows = {row.generation: row for row in store.list_past(connection, district, code)}
        if not rows:
            raise NotFound(
                f"No generation of district {district} has a grid {code}.", kind="no-grid", district=district, grid=code
            )
        spans = spans_of(store.list_entries(connection, district))
        generations = [g for g in store.list_generations(connection, district) if g.state != "discarded"]
        found = []
        before: int | None = None
        last: Past | None = None
        for generation in generations:
            number = generation.number
            row = rows.get(number)
            if row is None and last is None:
                before = number
                continue
            change = _change(connection, district, code, before, number, (last, row))
            shown = row or last
            assert shown is not None
            found.append(
                {
                    "generation": number,
                    "state": generation.state,
                    "name": shown.name,
                    "level": shown.level.key,
                    "parent": shown.parent,
                    "area_m2": 0.0 if row is None else round(row.area_m2, 1),
                    "changes": [] if change is None else list(change.kinds),
                    "from": [] if change is None else list(change.sources),
                    "to": [] if change is None else list(change.targets),
                    "in_force": spans.get(number, []),
                }
            )
            before, last = number, row
    return found


def _change(
    connection: Connection,
    district: str,
    code: str,
    before: int | None,
    after: int,
    rows: tuple[Past | None, Past | None],
) -> GridChange | None:
    """Return what became of the code between two generations; None where nothing did, or there is no earlier one."""
    was, now = rows
    grid = now or was
    if before is None or grid is None:
        return None
    one, other = (store.list_grids(connection, district, number, level=grid.level) for number in (before, after))
    return next((each for each in review(one, other, compare(one, other)) if each.code == code), None)


def spans_of(entries: Sequence[Entry]) -> dict[int, list[dict[str, str | None]]]:
    """Return when each generation was in force, as is known now: [{from, until, approved_by}], until None: it is.

    An entry takes the place of all that begins after it and was recorded before it.
    """
    holding: list[Entry] = []
    for entry in entries:
        holding = [*(each for each in holding if each.valid_from < entry.valid_from), entry]
    spans: dict[int, list[dict[str, str | None]]] = {}
    for entry, later in zip(holding, [*holding[1:], None], strict=True):
        until = None if later is None else later.valid_from.isoformat()
        span = {"from": entry.valid_from.isoformat(), "until": until, "approved_by": entry.approved_by}
        spans.setdefault(entry.generation, []).append(span)
    return spans
