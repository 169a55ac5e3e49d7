"""Persons and the posts that they hold. Names and numbers are in `person` alone, which can be emptied.

The chain of events has a digest of each row. It includes the row's salt, and an erased name takes its salt with it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, or_, select, update

from gridsvc.access.scopes import phone_digits
from gridsvc.db.evidence import row_digests
from gridsvc.db.schema.posts import person, post_held
from gridsvc.db.session.fast_statements import fetch_all
from gridsvc.db.session.ids import uuid7
from gridsvc.grids.posts import Held, NewPost, Post

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.db.session.pipeline import Statement


def put_post(connection: Connection, district: str, new: NewPost) -> None:
    """Write a post; one of the same grid, post, person and first day is corrected.

    A grid has one leader: who was it before holds the post until the new one begins.
    """
    mine = (post_held.c.district == district, post_held.c.grid == new.grid, post_held.c.post == str(new.post))
    who = _person(connection, district, new)
    if new.post is Post.LEADER:
        former = (
            update(post_held)
            .where(
                *mine,
                post_held.c.person_id != who,
                post_held.c.since < new.since,
                or_(post_held.c.until.is_(None), post_held.c.until > new.since),
            )
            .values(until=new.since)
            .returning(post_held.c.id)
        )
        for each in connection.scalars(former):
            row_digests.mark(connection, "post_held", district, each)
    same = (
        update(post_held)
        .where(*mine, post_held.c.person_id == who, post_held.c.since == new.since)
        .values(until=new.until)
        .returning(post_held.c.id)
    )
    found = connection.scalars(same).all()
    if not found:
        row = {
            "district": district,
            "id": uuid7(),
            "grid": new.grid,
            "post": str(new.post),
            "person_id": who,
            "since": new.since,
            "until": new.until,
        }
        connection.execute(insert(post_held).values(row))
        found = [row["id"]]
    for each in found:
        row_digests.mark(connection, "post_held", district, each)


def _person(connection: Connection, district: str, new: NewPost) -> UUID:
    """Return the person of a name and number; one who was known by the name alone gets the number."""
    known = connection.execute(
        select(person.c.id, person.c.phone)
        .where(person.c.district == district, person.c.name == new.name)
        .order_by(person.c.id)
    ).all()
    digits = None if new.phone is None else phone_digits(new.phone)
    for who, phone in known:
        if new.phone is None or (phone is not None and phone_digits(phone) == digits):
            return who  # type: ignore[no-any-return]
    for who, phone in known:
        if phone is None:
            connection.execute(
                update(person).where(person.c.district == district, person.c.id == who).values(phone=new.phone)
            )
            row_digests.mark(connection, "person", district, who)
            return who  # type: ignore[no-any-return]
    made = uuid7()
    row = {"district": district, "id": made, "name": new.name, "phone": new.phone, "salt": os.urandom(16)}
    connection.execute(insert(person).values(row))
    row_digests.mark(connection, "person", district, made)
    return made


def move_post(connection: Connection, district: str, held: Held, grid: str, day: date) -> None:
    """Let a person hold a post in another grid from a day on; in the one of before it ends on that day.

    A post that begins on that day or later changes its grid.
    """
    mine = (post_held.c.district == district, post_held.c.id == held.id)
    if held.since >= day:
        connection.execute(update(post_held).where(*mine).values(grid=grid))
    else:
        connection.execute(update(post_held).where(*mine).values(until=day))
        row = {
            "district": district,
            "id": uuid7(),
            "grid": grid,
            "post": str(held.post),
            "person_id": held.person_id,
            "since": day,
            "until": held.until,
        }
        connection.execute(insert(post_held).values(row))
        row_digests.mark(connection, "post_held", district, row["id"])
    row_digests.mark(connection, "post_held", district, held.id)


def list_posts(
    connection: Connection, district: str, grids: Sequence[str] | None = None, *, on: date | None = None
) -> list[Held]:
    """Return the posts of some grids (None: all), held on a day or (None) ever, the earliest first."""
    query = (
        select(
            post_held.c.id,
            post_held.c.grid,
            post_held.c.post,
            post_held.c.person_id,
            person.c.name,
            person.c.phone,
            post_held.c.since,
            post_held.c.until,
        )
        .outerjoin(person, (person.c.district == post_held.c.district) & (person.c.id == post_held.c.person_id))
        .where(post_held.c.district == district)
        .order_by(post_held.c.since, post_held.c.id)
    )
    if grids is not None:
        query = query.where(post_held.c.grid.in_(grids))
    if on is not None:
        query = query.where(post_held.c.since <= on, or_(post_held.c.until.is_(None), post_held.c.until > on))
    return [
        Held(id_, grid, Post(post), who, name, phone, since, until)
        for id_, grid, post, who, name, phone, since, until in connection.execute(query)
    ]


_OF_GRIDS = """
    select d.time_zone, p.id, p.grid, p.post, p.person_id, n.name, n.phone, p.since, p.until
    from district as d
    left join post_held as p on p.district = d.code and p.grid = any(%s)
    left join person as n on n.district = p.district and n.id = p.person_id
    where d.code = %s order by p.since, p.id
"""


def posts_of_grids(connection: Connection, district: str, grids: Sequence[str]) -> tuple[str, list[Held]]:
    """Return the time zone of a district, and every post of some grids, the earliest first; in one fast statement."""
    return read_posts(fetch_all(connection, *posts_statement(district, grids)))


def posts_statement(district: str, grids: Sequence[str]) -> Statement:
    """Return the statement of `posts_of_grids`, for a batch of statements; `read_posts` reads its rows."""
    return _OF_GRIDS, (list(grids), district)


def read_posts(rows: Sequence[tuple[Any, ...]]) -> tuple[str, list[Held]]:
    """Return the time zone and the posts in the rows of `posts_statement`."""
    zone: str = rows[0][0] if rows else "UTC"
    return zone, [Held(id_, grid, Post(post), *more) for _, id_, grid, post, *more in rows if id_ is not None]


def list_posted(connection: Connection, district: str, on: date) -> set[str]:
    """Return the grids that have somebody in a post on a day."""
    query = select(post_held.c.grid).where(
        post_held.c.district == district,
        post_held.c.since <= on,
        or_(post_held.c.until.is_(None), post_held.c.until > on),
    )
    return set(connection.scalars(query))


def find_persons(connection: Connection, words: str, digits: str) -> list[tuple[str, UUID]]:
    """Return (district, id) of the persons of a full name, or of a phone number by its digits ("": by the name)."""
    columns = (person.c.district, person.c.id, person.c.phone)
    if digits:
        rows = connection.execute(select(*columns).where(person.c.phone.is_not(None)).order_by(*columns))
        return [(code, who) for code, who, phone in rows if phone_digits(phone) == digits]
    rows = connection.execute(select(*columns).where(func.lower(person.c.name) == words.lower()).order_by(*columns))
    return [(code, who) for code, who, _ in rows]


def erase_person(connection: Connection, district: str, person_id: UUID) -> int:
    """Delete the name and number of a person; return the number of rows. The posts stay without a name."""
    mine = (person.c.district == district, person.c.id == person_id)
    row_digests.mark(connection, "person", district, person_id)
    return connection.execute(delete(person).where(*mine)).rowcount
