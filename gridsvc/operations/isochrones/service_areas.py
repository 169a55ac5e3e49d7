"""Service areas of the teams on duty: stored in the database, drawn in the background, only where inputs changed.

Three kinds, for each response class: `own` (what a team reaches in time from its station), `first` (where it is the
first of those whose arrival stops the clock; these do not overlap) and `reached_by` (where k of those arrive in time).
The minutes are the target minus call handling and the team's own turnout (R9), on the roads of the emergency profile.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from gridsvc.db.grids.versions import get_versions, list_versions
from gridsvc.db.jobs import jobs
from gridsvc.db.roads import service_areas as store
from gridsvc.db.roads.service_areas import AreaSet
from gridsvc.errors import Conflict, NotFound, Refusal, Unavailable
from gridsvc.isochrones.budgets import budgets_of
from gridsvc.isochrones.digests import DRAWING
from gridsvc.operations.cases.recommend import law_of
from gridsvc.operations.isochrones.drawing import AT_LEAST, Drawing
from gridsvc.operations.roads.travel_times import Ground, mesh_of
from gridsvc.operations.roads.weights import weights_now
from gridsvc.operations.runtime.districts import view_at
from gridsvc.teams.model import TURNOUT_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from gridsvc.db.roads.service_areas import AreaKey, Sources
    from gridsvc.isochrones.budgets import Budget
    from gridsvc.json_types import Json
    from gridsvc.operations.isochrones.drawing import Progress
    from gridsvc.operations.jobs.jobs import Run
    from gridsvc.operations.runtime.service import Service

JOB = "service-areas"
ACTOR = "gridsvc"
PROFILE = "emergency"

_TRIES = 3


def rules() -> str:
    """Return the constants of the program that areas depend on; when they change, areas are drawn again."""
    turnout = {str(kind): seconds for kind, seconds in sorted(TURNOUT_S.items())}
    return json.dumps([DRAWING, PROFILE, AT_LEAST, turnout])


@dataclass(frozen=True, slots=True)
class Drawn:
    """The result of a drawing run.

    `teams` are those on duty; `drawn` counts the areas that were drawn, by kind; `rows` counts the rows that were
    written, kept and removed. `without_minutes` lists the teams whose target ends before their turnout does.
    """

    district: str
    teams: int
    drawn: dict[str, int]
    rows: dict[str, int]
    without_minutes: list[dict[str, Any]]
    versions: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "district": self.district,
            "teams": self.teams,
            "drawn": self.drawn,
            "rows": self.rows,
            "without_minutes": self.without_minutes,
            "versions": self.versions,
        }


def run_areas(run: Run) -> Json:
    """Draw the missing areas of one district or of all; the result names districts without roads, law or teams."""
    asked = run.job.arguments.get("district")
    with run.service.database.transaction() as connection:
        codes = [asked] if asked is not None else [each.district for each in list_versions(connection)]
    results = []
    for code in codes:
        try:
            results.append(draw_areas(run.service, code, run.progress).as_json())
        except Refusal as refusal:
            if asked is not None:
                raise
            results.append({"district": code, "refused": refusal.detail})
    return results


def draw_areas(service: Service, district: str, progress: Progress | None = None) -> Drawn:
    """Draw the areas of a district and replace the old ones in one transaction at the end.

    Raises
    ------
    NotFound
        For an unknown district, or one without roads.
    Conflict
        When no response plans or clock policies are loaded, or no plan is for emergencies.
    """
    for _ in range(_TRIES):
        drawn = _draw(service, district, progress or (lambda _done, _total, _words: None))
        if drawn is not None:
            return drawn
    raise Unavailable(
        f"The areas of district {district} were drawn {_TRIES} times by other processes in the meantime. Try again.",
        district=district,
        tries=_TRIES,
    )


def _draw(service: Service, district: str, progress: Progress) -> Drawn | None:
    """Draw once; None when another process has drawn in the meantime."""
    sight = _look(service, district)
    ground, before = sight.ground, sight.before
    drawing = Drawing(
        ground,
        str(ground.view.versions.network),
        lambda: mesh_of(service, ground),
        sight.kept,
        before.layers,
        progress,
        service.dask,
    )
    areas = drawing.draw(sight.budgets)
    goal = AreaSet(
        district, before.number + 1, sight.sources.key, drawing.layers, _versions_json(sight), ground.view.versions.now
    )

    def put(connection: Connection) -> dict[str, int] | None:
        get_versions(connection, district, lock="share")  # the district is not removed meanwhile
        return store.put_areas(connection, goal, areas)

    rows = service.database.run(put)
    if rows is None:
        return None
    counts = {kind: drawing.drawn[kind] for kind in store.KINDS}
    teams = len({budget.team.id for budget in sight.budgets})
    return Drawn(district, teams, counts, rows, without_minutes(sight.budgets), goal.versions)


@dataclass(frozen=True, slots=True)
class _Sight:
    """One snapshot: the inputs of a drawing, and the areas that are stored."""

    ground: Ground
    sources: Sources
    budgets: list[Budget]
    kept: dict[AreaKey, str]
    before: AreaSet


def _look(service: Service, district: str) -> _Sight:
    with service.database.snapshot() as connection:
        view = view_at(service, connection, get_versions(connection, district))
        if view.network is None:
            raise NotFound(
                f"District {district} has no roads yet. `gridsvc load roads FILE` loads them.",
                kind="no-roads",
                district=district,
            )
        law, now = law_of(view), view.versions.now
        targets = law.plans.strictest_targets()
        if not targets:
            raise Conflict(
                f"No run card of district {district} is for emergencies, so that there are no targets.",
                kind="no-targets",
                district=district,
            )
        policy = law.clocks.get(law.clocks.default_policy)
        budgets = budgets_of(store.list_teams_on_duty(connection, district), policy, targets)
        (sources,) = store.list_sources(connection, rules(), district=district, now=now)
        before = store.find_set(connection, district) or AreaSet(district, 0, None, {}, {}, now)
        kept = store.list_digests(connection, district)
    ground = Ground(view, view.network, weights_now(service, view, view.network, PROFILE))
    return _Sight(ground, sources, budgets, kept, before)


def _versions_json(sight: _Sight) -> dict[str, Any]:
    """Return the versions as in the answers."""
    vector = sight.ground.view.versions.as_json()
    names = ("network", "closures", "catalogue", "plans", "clock_policies", "teams")
    return {name: vector[name] for name in names} | {"closures_acting": sight.sources.acting}


def without_minutes(budgets: Sequence[Budget]) -> list[dict[str, Any]]:
    """Return the teams whose target ends before their turnout does, and by how many seconds."""
    return [
        {
            "team_id": b.team.id,
            "team": b.team.name,
            "response_class": str(b.response_class),
            "target_s": b.target_s,
            "short_s": -b.driving_s,
        }
        for b in budgets
        if b.driving_s <= 0
    ]


@dataclass(slots=True)
class AreaWatch:
    """Queues a drawing in the background when its inputs have changed and no longer change.

    `asked` remembers, for each district, the sources that were seen to differ, since when, and since when they are the
    same. A job that failed or was cancelled is not asked for again until something else changes.
    """

    quiet_s: float = 2.0
    longest_s: float = 15.0
    _seen: dict[str, tuple[str, float, float]] = field(default_factory=dict)

    def look(self, service: Service, now_s: float) -> list[str]:
        """Queue the drawings that are due and return their districts; `now_s` is a monotonic clock."""
        with service.database.transaction() as connection:
            keys = {each.district: each.key for each in store.list_sources(connection, rules())}
            drawn = store.list_keys(connection)
        due = []
        for district, key in keys.items():
            if key is None or drawn.get(district) == key:
                self._seen.pop(district, None)
                continue
            seen, first_s, since_s = self._seen.get(district, (key, now_s, now_s))
            since_s = since_s if seen == key else now_s
            self._seen[district] = (key, first_s, since_s)
            if now_s - since_s >= self.quiet_s or now_s - first_s >= self.longest_s:
                due.append((district, key))
        asked = [district for district, key in due if service.database.run(partial(_ask, district=district, key=key))]
        for district, _ in due:
            self._seen.pop(district, None)
        return asked


def _ask(connection: Connection, district: str, key: str) -> bool:
    """Put a drawing in the queue unless one is open, or one from the same inputs has failed."""
    if not jobs.has_turn(connection):
        return False
    for job in jobs.list_newest(connection, JOB, district):
        if not job.finished or (job.state != "done" and job.arguments.get("key") == key):
            return False
    jobs.add_job(connection, JOB, {"district": district, "key": key}, asked_by=ACTOR)
    return True
