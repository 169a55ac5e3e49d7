"""What if a post is added, moved or closed: the posts of a unit after the changes that somebody names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gridsvc.coordinates import check_lonlat
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.operations.coverage.sites import Candidate, site_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridsvc.dispatch import Prepared
    from gridsvc.json_types import Json
    from gridsvc.operations.coverage.sites import Site
    from gridsvc.operations.runtime.districts import DistrictView


@dataclass(frozen=True, slots=True)
class Changes:
    """Posts that are added, (name, lon, lat); closed, by name; and moved, (name, lon, lat of the new place)."""

    add: tuple[tuple[str, float, float], ...] = ()
    close: tuple[str, ...] = ()
    move: tuple[tuple[str, float, float], ...] = ()

    def __post_init__(self) -> None:
        for _, lon, lat in (*self.add, *self.move):
            check_lonlat(lon, lat)
        if not (self.add or self.close or self.move):
            raise InvalidInput(
                "A what-if changes something: name a post to `add`, `move` or `close`.",
                kind="bad-scenario",
                name="changes",
            )
        names = [*self.close, *(name for name, _, _ in self.move)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InvalidInput(
                f"The post {twice[0][:60]!r} is closed or moved twice. Name it once.",
                kind="bad-scenario",
                name="changes",
                value=twice[0][:60],
            )

    @classmethod
    def from_json(cls, value: Json) -> Changes:
        """Read {add, close, move}: places as {name, lon, lat}, a new one with or without a name; names to close."""
        if unknown := sorted(set(value) - {"add", "close", "move"}):
            raise InvalidInput(
                f"`changes` has no {str(unknown[0])[:60]!r}; it has add, close, move.", kind="bad-scenario",
                name=str(unknown[0])[:60], known=["add", "close", "move"],
            )  # fmt: skip
        add = [(str(each.get("name") or f"new post {number}"), float(each["lon"]), float(each["lat"]))
               for number, each in enumerate(value.get("add") or (), start=1)]  # fmt: skip
        move = [(str(each["name"]), float(each["lon"]), float(each["lat"])) for each in value.get("move") or ()]
        close = value.get("close") or ()
        return cls(tuple(add), (close,) if isinstance(close, str) else tuple(map(str, close)), tuple(move))

    def as_json(self) -> dict[str, Json]:
        """Return the changes as they are read."""
        return {
            "add": [{"name": name, "lon": lon, "lat": lat} for name, lon, lat in self.add],
            "close": list(self.close),
            "move": [{"name": name, "lon": lon, "lat": lat} for name, lon, lat in self.move],
        }


def changed_sites(
    view: DistrictView, prepared: Prepared, sites: Sequence[Site], changes: Changes
) -> tuple[list[Site], tuple[int, ...]]:
    """Return the sites with those of the changes, and the numbers of the posts afterwards.

    A post that is moved keeps the skills and the equipment of its team. Of several teams at a place each is named.

    Raises
    ------
    NotFound
            For a name that no post of the unit has.
    InvalidInput
        For a place outside of the district.
    """
    names = {team: prepared.teams[team].name for site in sites if site.exists for team in site.teams}
    gone = {_team_of(names, name) for name in changes.close}
    moved = {_team_of(names, name): (lon, lat) for name, lon, lat in changes.move}
    found, chosen = list(sites), []
    for number, site in enumerate(sites):
        if not site.exists:
            continue
        stay = tuple(team for team in site.teams if team not in gone and team not in moved)
        if stay == site.teams:
            chosen.append(number)
        elif stay:
            chosen.append(len(found))
            found.append(replace(site, teams=stay, changed=True))
    for team, (lon, lat) in moved.items():
        chosen.append(len(found))
        there = _inside(view, prepared, Candidate(names[team], lon, lat))
        found.append(replace(there, teams=(team,), changed=True))
    for name, lon, lat in changes.add:
        chosen.append(len(found))
        found.append(_inside(view, prepared, Candidate(name, lon, lat)))
    return found, tuple(chosen)


def _inside(view: DistrictView, prepared: Prepared, candidate: Candidate) -> Site:
    site = site_at(view, prepared, candidate)
    if site.township is None:
        raise InvalidInput(
            f"The post {candidate.name[:60]!r} at {candidate.lon:g}, {candidate.lat:g} would be outside of the "
            f"townships of district {view.code}. Give longitude and latitude (WGS-84) of a place in it.",
            kind="post-outside",
            district=view.code,
            name=candidate.name[:60],
            lon=candidate.lon,
            lat=candidate.lat,
        )
    return site


def _team_of(names: dict[int, str], wanted: str) -> int:
    for team, name in names.items():
        if name == wanted:
            return team
    known = sorted(names.values())
    raise NotFound(
        f"The unit has no post {wanted[:60]!r}. It has {', '.join(known)[:400]}.",
        kind="no-such-post",
        name=wanted[:60],
        known=known[:100],
    )
