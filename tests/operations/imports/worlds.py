"""A small export of another system, over the district on paper: places at kilometres of its road."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.compliance.call_map import CallMap, Condition
from gridsvc.operations.imports.history import load_history
from tests.worlds.district import DISTRICT

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.operations.imports.history import Loaded
    from gridsvc.operations.runtime.service import Service

COLUMNS = (
    "case", "team", "received", "dispatched", "en_route", "on_scene", "cleared", "type", "township", "lon", "lat",
    "class", "kind",
)  # fmt: skip
MAP = CallMap(
    "toy",
    "toy",
    {name: (name,) for name in COLUMNS if name != "kind"},
    ("iso",),
    "Asia/Shanghai",
    drill=Condition("kind", ("drill",)),
    types={"gas leak": "leak"},
    classes={"town": "urban", "land": "rural"},
    targets_s={"urban": 300, "rural": 900},
)


def row(case: str, team: str, day: int, km: float | None = 1.0, **more: str) -> str:
    """A line of the export: a case at 08:00 of a day of March 2026, its team there after six minutes."""
    date = f"2026-03-{day:02}"
    cells = dict.fromkeys(COLUMNS, "") | {
        "case": case, "team": team, "received": f"{date} 08:00:00", "dispatched": f"{date} 08:00:30",
        "en_route": f"{date} 08:01:30", "on_scene": f"{date} 08:06:00", "cleared": f"{date} 08:50:00",
        "type": "gas leak", "class": "town",
        "lon": "" if km is None else f"{119.6 + km / 100:.6f}", "lat": "" if km is None else "29.1001",
    } | {name.strip("_"): value for name, value in more.items()}  # fmt: skip
    return ",".join(cells[name] for name in COLUMNS)


ROWS = [
    row("c1", "E1", 1, 1.0),
    row("c1", "E2", 1, 1.0, dispatched="2026-03-01 08:00:40", on_scene="2026-03-01 08:04:00"),
    row("c2", "E1", 2, 6.0, on_scene=""),
    row("c3", "E3", 3, 12.0, class_="land", kind="drill"),
    row("c4", "E1", 4, None, township="330703103000", class_="land", on_scene="2026-03-04 08:20:00"),
    row("c5", "E1", 5, None, township="Elsewhere"),
    row("c6", "E2", 6, 900.0, type="fire"),
]


def written(folder: Path, lines: list[str], name: str = "calls.csv") -> Path:
    """Write an export with its header."""
    path = folder / name
    path.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n", encoding="utf-8")
    return path


def load(service: Service, path: Path, of: CallMap = MAP, **more: Any) -> Loaded:
    """Load an export into the district on paper."""
    return load_history(service, DISTRICT, path, of, **{"actor": "test", **more})
