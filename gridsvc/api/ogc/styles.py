"""Styles for MapLibre (style specification, version 8) over the vector tiles, out of the table of the QGIS project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.db.tiles import LAYERS as TILE_LAYERS
from gridsvc.errors import NotFound
from gridsvc.files.qgis.layers import LAYERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from gridsvc.files.qgis.layers import Layer, Look

STYLES = {"gridsvc": "Grids, roads, stations, teams and open cases, on a light ground"}

_PIXELS_PER_MM = 96 / 25.4
_FONTS = ["Noto Sans CJK SC", "Noto Sans SC", "Microsoft YaHei", "sans-serif"]


def get_style(name: str, base: str, box: tuple[float, float, float, float] | None) -> dict[str, Any]:
    """Return a style; `base` is the address of the service, `box` where its districts are (degrees).

    Raises
    ------
    NotFound
        For an unknown one.
    """
    if name not in STYLES:
        known = list(STYLES)
        raise NotFound(
            f"There is no style {name[:60]!r}. There are: {', '.join(known)}.",
            kind="no-style",
            style=name[:60],
            known=known,
        )
    drawn = [layer for layer in reversed(LAYERS) if layer.source_layer is not None]
    joined = ",".join(dict.fromkeys(str(layer.source_layer) for layer in drawn))
    style: dict[str, Any] = {
        "version": 8,
        "name": STYLES[name],
        "sources": {
            "gridsvc": {"type": "vector", "url": f"{base}/tiles/{joined}.json"},
            "labels": {"type": "vector", "url": f"{base}/tiles/grid_labels.json"},
        },
        "layers": [
            {"id": "ground", "type": "background", "paint": {"background-color": "#ffffff"}},
            *(each for layer in drawn for each in _layers(layer)),
            _township_names(),
        ],
    }
    if box is not None:
        west, south, east, north = box
        style |= {"center": [round((west + east) / 2, 6), round((south + north) / 2, 6)], "zoom": 10}
    return style


def _layers(layer: Layer) -> list[dict[str, Any]]:
    """Return what draws one layer: circles, lines, or an area and its outline."""
    plain: dict[str, Any] = {
        "source": "gridsvc",
        "source-layer": layer.source_layer,
        "layout": {"visibility": "visible" if layer.shown else "none"},
        "minzoom": TILE_LAYERS[str(layer.source_layer)].minzoom,
    }
    if layer.only is not None:
        plain["filter"] = ["==", ["get", layer.tile_field(layer.only[0])], layer.only[1]]

    def of(choose: Callable[[Look], object]) -> object:
        return _by_value(layer, choose)

    if layer.shape == "point":
        paint = {
            "circle-color": of(lambda look: look.colour),
            "circle-radius": of(lambda look: round(look.size_mm * _PIXELS_PER_MM / 2, 2)),
            "circle-stroke-color": of(lambda look: look.line),
            "circle-stroke-width": of(lambda look: round(look.line_mm * _PIXELS_PER_MM, 2)),
        }
        return [{"id": layer.id, "type": "circle", **plain, "paint": paint}]
    if layer.shape == "line":
        return [{"id": layer.id, "type": "line", **plain, "paint": _line(of, lambda look: look.colour)}]
    found = []
    if any(len(look.colour) == 7 for look in layer.looks):  # the others have no inside
        fill = {"fill-color": of(lambda look: look.colour), "fill-opacity": of(lambda look: look.opacity)}
        found.append({"id": f"{layer.id}-fill", "type": "fill", **plain, "paint": fill})
    return [*found, {"id": layer.id, "type": "line", **plain, "paint": _line(of, lambda look: look.line)}]


def _line(of: Callable[[Callable[[Look], object]], object], colour: Callable[[Look], object]) -> dict[str, object]:
    return {"line-color": of(colour), "line-width": of(lambda look: round(look.line_mm * _PIXELS_PER_MM, 2))}


def _by_value(layer: Layer, choose: Callable[[Look], object]) -> object:
    """Return a constant, or an expression over the field by which the looks differ."""
    if layer.by is None or len({choose(look) for look in layer.looks}) == 1:
        return choose(layer.looks[0])
    named = [part for look in layer.looks if look.values for part in (list(look.values), choose(look))]
    others = next((look for look in layer.looks if not look.values), layer.looks[-1])
    return ["match", ["get", layer.tile_field(layer.by)], *named, choose(others)]


def _township_names() -> dict[str, Any]:
    return {
        "id": "township-names",
        "type": "symbol",
        "source": "labels",
        "source-layer": "grid_labels",
        "filter": ["==", ["get", "level"], "township"],
        "layout": {"text-field": ["get", "name"], "text-font": _FONTS, "text-size": 13},
        "paint": {"text-color": "#3b1f5c", "text-halo-color": "#ffffff", "text-halo-width": 1.2},
    }
