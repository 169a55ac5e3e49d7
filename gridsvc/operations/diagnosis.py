"""What is set up and what is not, each with its cure."""

from __future__ import annotations

import platform
import shutil
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from gridsvc import __version__
from gridsvc.errors import GridsvcError
from gridsvc.operations.districts import list_views

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gridsvc.operations.service import Service

LEAST_FREE_GB = 2.0
_LIBRARIES = ("numpy", "numba", "shapely", "sqlalchemy", "psycopg", "fastapi", "uvicorn")


def diagnose(folder: Path, opened: Callable[[], Service]) -> list[dict[str, Any]]:
    """Return {check, state: ok | bad | note, found, cure} for everything that the service rests on."""
    findings = [
        _finding("gridsvc", "ok", f"{__version__} on Python {platform.python_version()}, {platform.platform()}"),
        _finding("libraries", "ok", ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)),
        _disk(folder),
    ]
    try:
        service = opened()
    except GridsvcError as error:
        return [*findings, _finding("database", "bad", str(error), "Do what the line says, then ask again.")]
    with service.database.transaction() as connection:
        from gridsvc.db.facts import database_facts

        facts = database_facts(connection)
        views = list_views(service, connection)
    service.database.close()
    findings.append(_finding("database", "ok", facts.words))
    waiting = f"{facts.unsealed} events wait for a seal, the oldest since {facts.oldest_unsealed_s:.0f} s"
    late = facts.oldest_unsealed_s > 10
    findings.append(
        _finding("sealer", "bad" if late else "ok", waiting, "Run `gridsvc serve` or `gridsvc work`." if late else "")
    )
    if not views:
        findings.append(_finding("districts", "note", "none loaded", "Run `gridsvc demo` or `gridsvc load ...`."))
    for view in views:
        missing = [
            word for word, there in (("grids", view.index), ("roads", view.network), ("law", view.law)) if there is None
        ]
        words = f"{view.district.name}{' (synthetic)' if view.district.synthetic else ''}"
        cure = f"Load {', '.join(missing)}: see `gridsvc load --help`." if missing else ""
        findings.append(_finding(f"district {view.code}", "note" if missing else "ok", words, cure))
    return findings


def _disk(folder: Path) -> dict[str, Any]:
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free_gb = shutil.disk_usage(there).free / 1e9
    tight = free_gb < LEAST_FREE_GB
    cure = f"Free some space: below {LEAST_FREE_GB} GB the database may stop." if tight else ""
    return _finding("disk", "bad" if tight else "ok", f"{free_gb:.1f} GB free for {folder}", cure)


def _finding(check: str, state: str, found: str, cure: str = "") -> dict[str, Any]:
    return {"check": check, "state": state, "found": found, "cure": cure}
