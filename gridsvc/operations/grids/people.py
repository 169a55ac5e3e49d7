"""Who answers for a grid: posts are loaded, read for any day, and shown with cases and alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gridsvc.access.scopes import Right, mask_phone
from gridsvc.db.access.keys import list_keys
from gridsvc.db.evidence.events import append_event
from gridsvc.db.grids import generations as store
from gridsvc.db.grids import posts as posts_store
from gridsvc.db.grids.district_facts import list_officers
from gridsvc.db.grids.versions import get_clock, get_versions
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.files.grids.posts import read_posts
from gridsvc.grids.levels import Level
from gridsvc.grids.posts import Post, find_moves, holders, responsible_of_chain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from sqlalchemy import Connection

    from gridsvc.grids.posts import Held, NewPost
    from gridsvc.json_types import Json
    from gridsvc.operations.grids.code_lists import Compared
    from gridsvc.operations.runtime.service import Service

_Areas = list[tuple[str, str, Level, str | None, float]]


def load_posts(service: Service, district: str, path: Path, *, actor: str) -> int:
    """Add the posts of a file; return their number. Posts that are there stay, see `put_post`.

    Raises
    ------
    InvalidInput
        For a grid that is not in force, or a name that several grids have: with the line.
    """
    service.caller.need(Right.LOAD)
    found = [(f"{path}, line {line}", post) for line, post in read_posts(path)]
    return put_posts(service, district, found, source=path.name, actor=actor)


def put_posts(service: Service, district: str, posts: Sequence[tuple[str, NewPost]], *, source: str, actor: str) -> int:
    """Add posts, each with the words that say where it comes from; return their number. See `load_posts`."""

    def work(connection: Connection) -> int:
        now = get_versions(connection, district, lock="share").now
        codes = _Codes(_areas(connection, district))
        for where, post in posts:
            posts_store.put_post(connection, district, post.at(codes.find(post.grid, where)))
        data = {"posts": len(posts), "source": source}
        append_event(connection, district, "load posts", actor=actor, at=now, data=data)
        return len(posts)

    return service.database.run(work)


def move_posts(
    service: Service, compared: Compared, *, day: date | None = None, dry_run: bool = False, actor: str
) -> dict[str, Json]:
    """Let the posts of grids whose codes changed follow them, from a day on (None: today, in the district's time zone).

    Returns {district, on, moved, left, keys, dry_run}: each post {grid, to | why, post, name, from, until}, and the
    names of the keys that are bound to a code of before; those stay as they are, since a key is a right.

    Raises
    ------
    InvalidInput
        Where a code of after is not in force: nothing is moved.
    """
    service.caller.need(Right.LOAD)
    district = compared.district

    def work(connection: Connection) -> dict[str, Json]:
        now = get_versions(connection, district, lock="share").now
        zone, _ = posts_store.posts_of_grids(connection, district, [])
        on = day or now.astimezone(ZoneInfo(zone)).date()
        found = find_moves(posts_store.list_posts(connection, district), compared.matches, on)
        in_force = {code for code, *_ in _areas(connection, district)}
        if missing := sorted({code for _, code in found.moved} - in_force):
            raise InvalidInput(
                f"Grid {missing[0]} of {compared.after} is not in force. Activate it first, or give the list in force.",
                kind="no-grid",
                where=compared.after,
                grid=missing[0],
            )
        changed = {each.before.code for each in compared.matches if each.before is not None} - in_force
        keys = [key.name for key in list_keys(connection) if key.district == district and key.grid in changed]
        if not dry_run and found.moved:
            for held, code in found.moved:
                posts_store.move_post(connection, district, held, code, on)
            data = {"posts": len(found.moved), "before": compared.before, "after": compared.after}
            append_event(connection, district, "move posts", actor=actor, at=now, data=data)
        return {
            "district": district,
            "on": on.isoformat(),
            "moved": [_as_json(held, masked=True) | {"grid": held.grid, "to": code} for held, code in found.moved],
            "left": [_as_json(held, masked=True) | {"grid": held.grid, "why": why} for held, why in found.left],
            "keys": sorted(keys),
            "dry_run": dry_run,
        }

    return service.database.run(work)


class _Codes:
    """The grids in force by code and by name."""

    def __init__(self, areas: _Areas) -> None:
        self.codes = {code for code, *_ in areas}
        self.by_name: dict[str, list[str]] = {}
        for code, name, *_ in areas:
            self.by_name.setdefault(name, []).append(code)

    def find(self, word: str, where: str) -> str:
        if word in self.codes:
            return word
        same = self.by_name.get(word, [])
        if len(same) == 1:
            return same[0]
        if same:
            raise InvalidInput(
                f"{where}: several grids are called {word[:60]!r}: {', '.join(same[:5])}. Give the code.",
                kind="ambiguous-grid",
                where=where,
                grid=word[:60],
                codes=same[:5],
            )
        raise InvalidInput(
            f"{where}: no grid in force has the code or name {word[:60]!r}. `gridsvc grids list` has them.",
            kind="no-grid",
            where=where,
            grid=word[:60],
        )


def _areas(connection: Connection, district: str) -> _Areas:
    number = store.find_in_force(connection, district)
    return [] if number is None else store.list_areas(connection, district, number)


def people_of(service: Service, district: str, code: str, *, on: date | None = None) -> dict[str, Json]:
    """Return who holds a post of a grid in force on a day (None: today), and who answers for it.

    The answer has {grid, name, level, on, people, responsible}; `responsible` is its leader, else a deputy or an
    officer, else that of the next wider grid, which `responsible.grid` names. Numbers are masked. A day is one of the
    district's time zone.
    """
    with service.database.transaction() as connection:
        areas = {area[0]: area for area in _areas(connection, district)}
        if code not in areas:
            raise NotFound(
                f"District {district} has no grid {code} in force.", kind="no-grid", district=district, grid=code
            )
        chain: list[str] = [code]
        while (above := areas[chain[-1]][3]) is not None and above in areas and above not in chain:
            chain.append(above)
        zone, every = posts_store.posts_of_grids(connection, district, chain)
        day = on or get_versions(connection, district).now.astimezone(ZoneInfo(zone)).date()
    held = [each for each in every if each.is_on(day)]
    _, name, level, _, _ = areas[code]
    answers_for = responsible_of_chain(chain, held, day)[0]
    return {
        "grid": code,
        "name": name,
        "level": level.key,
        "on": day.isoformat(),
        "people": [_as_json(each, masked=True) for each in held if each.grid == code],
        "responsible": None if answers_for is None else _as_json(answers_for, masked=True) | {"grid": answers_for.grid},
    }


def list_officers_today(
    connection: Connection, district: str, generation: int, codes: Sequence[str]
) -> dict[str, list[dict[str, Json]]]:
    """Return {code: [{post, name}]} of the grids that have anybody: by their posts, else by the file of boundaries."""
    zone, held = posts_store.posts_of_grids(connection, district, codes)
    today = get_clock(connection).astimezone(ZoneInfo(zone)).date()
    found = list_officers(connection, district, generation, codes)
    people: dict[str, list[dict[str, Json]]] = {}
    for code in codes:
        posts = [{"post": str(each.post), "name": each.name} for each in holders(code, held, today)]
        if posts or code in found:
            people[code] = posts or [{"post": str(Post.OFFICER), "name": found[code]}]
    return people


def _as_json(held: Held, *, masked: bool) -> dict[str, Json]:
    phone = held.phone if held.phone is None or not masked else mask_phone(held.phone)
    return {
        "post": str(held.post),
        "name": held.name,
        "phone": phone,
        "from": held.since.isoformat(),
        "until": None if held.until is None else held.until.isoformat(),
    }
