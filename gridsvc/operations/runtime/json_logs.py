"""Logs for programs: one JSON object a line on stderr, with the id of the request, and nothing personal.

Of an exception only the first line of its words is kept: what a database says in the lines after it names values.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is being answered here; None outside of any."""


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object: at, level, logger, message, request_id and what `facts` says."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage().splitlines()[0] if record.getMessage() else "",
            "pid": record.process,
        }
        if (asked := request_id.get()) is not None:
            line["request_id"] = asked
        line |= getattr(record, "facts", {})
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = _first_lines(record.exc_info[1], record.exc_info[2])
        return json.dumps(line, ensure_ascii=False, default=str)


def _first_lines(error: BaseException, where: TracebackType | None) -> list[str]:
    """Return the words of an error and its causes, a line each, and where it was raised."""
    lines: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(lines) < 5:
        words = str(seen).splitlines()
        lines.append(f"{type(seen).__name__}: {words[0] if words else ''}")
        seen = seen.__cause__ or seen.__context__
    frames = traceback.extract_tb(where)[-6:]
    return lines + [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def log_as_json() -> None:
    """Send what is logged to stderr as JSON lines; to a person's terminal only what is wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("gridsvc").setLevel(logging.WARNING if sys.stderr.isatty() else logging.INFO)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers[:] = []
        logging.getLogger(name).propagate = True
