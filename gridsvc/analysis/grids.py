"""Ownership over GeoDataFrames: which grid holds each point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridsvc.analysis.frames import WGS84, check_frame, lonlat_of
from gridsvc.errors import InvalidInput
from gridsvc.grids.index import OwnershipIndex
from gridsvc.grids.levels import LEVEL_KEYS, Grid, Level
from gridsvc.grids.ownership import Rule

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

_POLYGONS = ("Polygon", "MultiPolygon")


class Grids:
    """The grids of one place, ready to say who owns any point; made by `from_frame`."""

    def __init__(self, index: OwnershipIndex) -> None:
        self._index = index

    @classmethod
    def from_frame(cls, frame: gpd.GeoDataFrame, *, name: str = "name", code: str = "code", parent: str | None = None
                   ) -> Grids:  # fmt: skip
        """Build the index of polygons in any reference system.

        Parameters
        ----------
        name, code
            Columns of the names and of the codes; codes are unique. Without the column `name` the codes are the names.
        parent
            Column of the code of the grid that holds each one; None: all grids are of one level. At most four levels.

        Raises
        ------
        UndeclaredDatum, InvalidInput
            For what `check_frame` refuses, an invalid polygon, a missing column, a code twice, and unknown parents.
        """
        table = check_frame(frame, "frame", _POLYGONS)
        codes = _texts(table, code)
        names = codes if name == "name" and name not in table.columns else _texts(table, name)
        invalid = [codes[row] for row in np.flatnonzero(~table.geometry.is_valid.to_numpy()).tolist()]
        if invalid:
            raise InvalidInput(
                f"{len(invalid)} polygons of frame are invalid, the first of {invalid[0]}. Repair them: "
                "frame.set_geometry(frame.make_valid())."
            )
        twice = sorted({each for each in codes if codes.count(each) > 1}) if len(set(codes)) < len(codes) else []
        if twice:
            raise InvalidInput(
                f"The code {twice[0]} is in frame twice. Codes are unique: frame.dissolve({code!r}) joins its polygons."
            )
        parents: list[str | None] = [None] * len(codes) if parent is None else _parents(table, parent)
        levels = _levels(codes, parents)
        shapes = table.geometry.to_crs(WGS84).to_numpy()
        return cls(
            OwnershipIndex.build("", 0, [Grid(*row) for row in zip(codes, names, levels, parents, shapes, strict=True)])
        )

    def locate(self, points: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        """Return the points, in their order and reference system, with the columns code, name and rule.

        code and name are of the finest grid that holds the point, missing outside. rule: interior, border (a point on a
        shared border belongs to exactly one side), overlap (the lowest code has it), gap or outside. Where the grids
        have several levels, `{level}_code` and `{level}_name` are added for each. Where the table has a column of such
        a name, all begin with `grid_`.

        Raises
        ------
        UndeclaredDatum, InvalidInput
            For what `check_frame` refuses.
        """
        table = check_frame(points, "points", ("Point",))
        lon, lat = lonlat_of(table, "points")
        owners = self._index.locate_many(lon, lat)
        grids = self._index.grids
        codes, names = _with_none(grids.codes), _with_none(grids.names)
        rules = np.array([str(Rule(number).key) for number in range(len(Rule))], dtype=object)
        finest = np.where(owners.row == self._index.size, -1, owners.row)
        added: dict[str, NDArray[np.object_]] = {
            "code": codes[finest],
            "name": names[finest],
            "rule": rules[owners.rule],
        }
        present = [level for level in Level if (grids.levels == level).any()]
        if len(present) > 1:
            for level in present:
                rows = owners.at_level(level)
                added |= {f"{level.key}_code": codes[rows], f"{level.key}_name": names[rows]}
        prefix = "grid_" if set(added) & set(table.columns) else ""
        return table.assign(**{prefix + column: values for column, values in added.items()})

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of all grids, degrees WGS-84."""
        west, south, east, north = self._index.bounds
        return west, south, east, north

    def __len__(self) -> int:
        return self._index.size

    def __repr__(self) -> str:
        west, south, east, north = self._index.bounds
        levels = len(set(self._index.grids.levels.tolist()))
        plural = "" if levels == 1 else "s"
        return f"Grids({len(self)} grids of {levels} level{plural}, {west:.3f},{south:.3f} to {east:.3f},{north:.3f})"


def _with_none(texts: list[str]) -> NDArray[np.object_]:
    """Return an array that has None at -1."""
    return np.array([*texts, None], dtype=object)


def _texts(table: gpd.GeoDataFrame, column: str) -> list[str]:
    if column not in table.columns:
        raise InvalidInput(
            f"frame has no column {column!r}. Its columns are {', '.join(map(str, table.columns))[:200]}: name the "
            "right one by name= or code=."
        )
    missing = table[column].isna()
    if missing.any():
        raise InvalidInput(f"{int(missing.sum())} rows of frame have no {column!r}. Fill them in or leave them out.")
    return [_text(value) for value in table[column]]


def _parents(table: gpd.GeoDataFrame, column: str) -> list[str | None]:
    if column not in table.columns:
        raise InvalidInput(f"frame has no column {column!r}. Name the column of the parents' codes by parent=.")
    return [None if missing else _text(value) for value, missing in
            zip(table[column], table[column].isna(), strict=True)]  # fmt: skip


def _text(value: object) -> str:
    """Return a code as text: 330703001000.0, as pandas reads a column with gaps, is 330703001000."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def _levels(codes: list[str], parents: list[str | None]) -> list[Level]:
    """Return the level of each grid by the number of grids above it; the finest one is the last level."""
    above = dict(zip(codes, parents, strict=True))
    depths = []
    for code in codes:
        depth, link = 0, above[code]
        while link is not None:
            if link not in above:
                raise InvalidInput(f"{code} has the parent {link}, which is not in frame. Add it or leave it empty.")
            depth, link = depth + 1, above[link]
            if depth >= len(Level):
                raise InvalidInput(f"{code} has {depth} grids or more above it. There are at most {len(Level)} levels.")
        depths.append(depth)
    finest = max(depths)
    return [Level(len(LEVEL_KEYS) - finest + depth) for depth in depths]
