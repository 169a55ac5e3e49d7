"""Posts of the grids out of a CSV."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from gridsvc.errors import InvalidInput
from gridsvc.files.law.catalogue import read_csv
from gridsvc.grids.posts import NewPost, Post

if TYPE_CHECKING:
    from pathlib import Path

NEEDED = ("grid", "post", "name", "from")
_WORDS = {
    "网格长": Post.LEADER, "副网格长": Post.DEPUTY, "网格员": Post.OFFICER, "执法队员": Post.OFFICER,
    "专职执法队员": Post.OFFICER,
}  # fmt: skip


def read_posts(path: Path) -> list[tuple[int, NewPost]]:
    """Read (line, post) from a CSV with the columns grid, post, name, from, and where known phone and until.

    `grid` is a code or a name, `post` leader, deputy or officer, or 网格长, 副网格长, 网格员; dates as 2026-03-01.

    Raises
    ------
    InvalidInput
        With file, line and cure.
    """
    posts = []
    for line, row in read_csv(path, NEEDED):
        where = f"{path}, line {line}"
        word = row["post"]
        post = _WORDS.get(word) or (Post(word) if word in list(Post) else None)
        if post is None:
            raise InvalidInput(f"{where}: post {word[:40]!r}; use one of {', '.join(Post)} or {', '.join(_WORDS)}.")
        for name in ("grid", "name"):
            if not row[name]:
                raise InvalidInput(f"{where}: `{name}` is empty.")
        since = _day(row["from"], where, "from")
        until = _day(row["until"], where, "until") if row.get("until") else None
        if until is not None and until <= since:
            raise InvalidInput(f"{where}: `until` {until} is not after `from` {since}.")
        posts.append((line, NewPost(row["grid"], post, row["name"], row.get("phone") or None, since, until)))
    if not posts:
        raise InvalidInput(f"{path} holds no posts; give one line a post.")
    return posts


def _day(text: str, where: str, name: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{where}: `{name}` is {text[:40]!r}. Write it as 2026-03-01.") from None
