"""An HTML page read without a browser: its tags, and the cells of its tables."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """rows: the text of the cells of each row of a table. tags: each start tag with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self._in_cell = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag not in {"td", "th"}

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data


def read_page(html: str) -> Page:
    """Return a page that was read."""
    page = Page()
    page.feed(html)
    return page
