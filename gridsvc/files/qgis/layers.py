"""The layers of a map of the desk and how they look: one table for QGIS and for MapLibre.

A layer is drawn in one symbol, or in one for each value of a field (`by`). Sizes are millimetres on paper, as in QGIS.
"""

from __future__ import annotations

from dataclasses import dataclass

Colour = str
"""#rrggbb"""


@dataclass(frozen=True, slots=True)
class Look:
    """How one kind of feature is drawn; `values`: of the field `by` of its layer, empty for every other value."""

    title: str
    colour: Colour
    values: tuple[str, ...] = ()
    line: Colour = "#ffffff"
    line_mm: float = 0.26
    size_mm: float = 3.0
    opacity: float = 1.0
    shape: str = "circle"
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: `view` of the database with its geometry `kind`, and `source_layer` of the vector tiles, if any.

    `only` (field, value) selects rows; `tile_fields` renames fields for the tiles. `shown`: when the project is opened.
    """

    id: str
    title: str
    view: str
    kind: str
    looks: tuple[Look, ...]
    by: str | None = None
    only: tuple[str, str] | None = None
    label: str | None = None
    source_layer: str | None = None
    tile_fields: tuple[tuple[str, str], ...] = ()
    shown: bool = True

    @property
    def shape(self) -> str:
        """`point`, `line` or `polygon`."""
        return {"Point": "point", "LineString": "line", "MultiPolygon": "polygon"}[self.kind]

    def tile_field(self, name: str) -> str:
        """Return the name that a field has in the tiles."""
        return dict(self.tile_fields).get(name, name)


_NONE = "#00000000"


def _border(level: str, title: str, colour: Colour, line_mm: float, *, shown: bool = True) -> Layer:
    return Layer(
        f"grid_{level}", title, "grid_in_force", "MultiPolygon", (Look(title, _NONE, line=colour, line_mm=line_mm),),
        only=("level_name", level), label="name", source_layer="grids", tile_fields=(("level_name", "level"),),
        shown=shown,
    )  # fmt: skip


LAYERS: tuple[Layer, ...] = (
    Layer(
        "incident_open", "未结案件 open cases", "incident_open", "Point",
        (
            Look("应急 emergency", "#d7263d", ("emergency",), size_mm=3.6, shape="diamond"),
            Look("日常 routine", "#f2a541", ("routine",), size_mm=3.0, shape="diamond"),
        ),
        by="urgency", label="number", source_layer="incidents",
    ),
    Layer(
        "team_now", "队伍 teams", "team_now", "Point",
        (
            Look("可用 available", "#2a9d5c", ("available",), size_mm=2.8),
            Look("出勤 engaged", "#d7263d", ("engaged",), size_mm=2.8),
            Look("不在岗 off duty", "#9aa0a6", ("off_duty",), size_mm=2.4),
        ),
        by="status", label="name", source_layer="teams",
    ),
    Layer(
        "station_now", "驻点 stations", "station_now", "Point",
        (Look("驻点 station", "#1f4e8c", size_mm=2.4, shape="square"),),
        source_layer="stations",
    ),
    Layer(
        "road_in_force", "路网 roads", "road_in_force", "LineString",
        (
            Look("高速 motorway", "#d9822b", ("motorway", "motorway_link"), line_mm=0.9),
            Look("国省道 trunk, primary", "#e0a458", ("trunk", "trunk_link", "primary", "primary_link"), line_mm=0.7),
            Look("县道 secondary, tertiary", "#b8b08d",
                 ("secondary", "secondary_link", "tertiary", "tertiary_link"), line_mm=0.46),
            Look("其他 other", "#c9c9c9", line_mm=0.26),
        ),
        by="class", source_layer="roads",
    ),
    _border("regional", "区域网格 regional grids", "#3b1f5c", 1.1),
    _border("township", "乡镇网格 township grids", "#5a3d8a", 0.7),
    _border("area", "片区网格 area grids", "#7d6fb0", 0.4, shown=False),
    _border("village", "村社网格 village grids", "#a79fcb", 0.2, shown=False),
    Layer(
        "draft_grid", "草案网格 draft grids", "draft_grid", "MultiPolygon",
        (Look("草案 draft", _NONE, line="#c2185b", line_mm=0.5, dashed=True),),
        label="name", shown=False,
    ),
    Layer(
        "boundary_fault", "边界问题 faults of the boundaries", "boundary_fault", "MultiPolygon",
        (
            Look("重叠 overlap", "#d7263d", ("overlap",), line="#d7263d", line_mm=0.6, opacity=0.5),
            Look("缝隙 gap", "#f2a541", ("gap",), line="#c9791a", line_mm=0.6, opacity=0.5),
            Look("碎片 sliver", "#8b6ef5", ("sliver",), line="#5b45b0", line_mm=0.6, opacity=0.5),
            Look("其他 other", _NONE, line="#d7263d", line_mm=0.4, dashed=True),
        ),
        by="kind", label="kind", shown=False,
    ),
    Layer(
        "service_area_urban", "首达范围（城区） first to arrive, urban", "service_area_now", "MultiPolygon",
        (
            Look("首达 first", "#2fa8a0", ("first",), line="#1c6f6a", opacity=0.35),
            Look("多队可达 reached by k", "#8b6ef5", ("reached_by",), line="#5b45b0", opacity=0.18),
            Look("本队 own", "#5aa3e0", ("own",), line="#2f6fae", opacity=0.12),
        ),
        by="kind", only=("response_class", "urban"), label="team", source_layer="service_areas", shown=False,
    ),
    Layer(
        "service_area_rural", "首达范围（城乡） first to arrive, rural", "service_area_now", "MultiPolygon",
        (
            Look("首达 first", "#7fb069", ("first",), line="#4f7a3d", opacity=0.35),
            Look("多队可达 reached by k", "#c28fd0", ("reached_by",), line="#84509a", opacity=0.18),
            Look("本队 own", "#9ec5e8", ("own",), line="#5a8fbe", opacity=0.12),
        ),
        by="kind", only=("response_class", "rural"), label="team", source_layer="service_areas", shown=False,
    ),
)  # fmt: skip
"""From the top of the map down."""
