"""Renderers and labels of QGIS as XML: in a .qml file of one layer, and inside of a project.

Each property of a symbol is written in both forms, `Option` of QGIS 3.22 and later and `prop` of those before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement

if TYPE_CHECKING:
    from gridsvc.files.qgis.layers import Layer, Look

VERSION = "3.28.0"
"""The format that is written; every QGIS 3 reads it."""

_CLASSES = {"point": ("marker", "SimpleMarker"), "line": ("line", "SimpleLine"), "polygon": ("fill", "SimpleFill")}


def style_of(layer: Layer) -> Element:
    """Return the root of a .qml file."""
    root = Element("qgis", version=VERSION, styleCategories="Symbology|Labeling", labelsEnabled=_flag(layer.label))
    add_style(root, layer)
    return root


def add_style(parent: Element, layer: Layer) -> None:
    """Add the renderer of a layer and its labels to a maplayer or a style."""
    kind = "categorizedSymbol" if layer.by is not None else "singleSymbol"
    renderer = SubElement(
        parent, "renderer-v2", type=kind, symbollevels="0", enableorderby="0", forceraster="0", referencescale="-1"
    )
    if layer.by is not None:
        renderer.set("attr", layer.by)
        categories = SubElement(renderer, "categories")
        for number, look in enumerate(layer.looks):
            category = SubElement(categories, "category", render="true", symbol=str(number), label=look.title)
            if len(look.values) > 1:
                category.set("type", "list")
                for value in look.values:
                    SubElement(category, "val", type="string", value=value)
            else:
                category.set("type", "string")
                category.set("value", "".join(look.values))
    symbols = SubElement(renderer, "symbols")
    for number, look in enumerate(layer.looks):
        _add_symbol(symbols, str(number), layer.shape, look)
    SubElement(renderer, "rotation")
    SubElement(renderer, "sizescale")
    if layer.label is not None:
        _add_labels(parent, layer)


def _add_symbol(symbols: Element, name: str, shape: str, look: Look) -> None:
    kind, drawn = _CLASSES[shape]
    symbol = SubElement(
        symbols, "symbol", type=kind, name=name, alpha=f"{look.opacity:g}", clip_to_extent="1", force_rhr="0"
    )
    layer = SubElement(symbol, "layer", {"class": drawn, "enabled": "1", "locked": "0", "pass": "0"})
    dash = "dash" if look.dashed else "solid"
    if shape == "point":
        values = {
            "name": look.shape, "color": rgba(look.colour), "outline_color": rgba(look.line), "outline_style": dash,
            "outline_width": f"{look.line_mm:g}", "outline_width_unit": "MM", "size": f"{look.size_mm:g}",
            "size_unit": "MM", "joinstyle": "bevel",
        }  # fmt: skip
    elif shape == "line":
        values = {
            "line_color": rgba(look.colour), "line_style": dash, "line_width": f"{look.line_mm:g}",
            "line_width_unit": "MM", "capstyle": "round", "joinstyle": "round",
        }  # fmt: skip
    else:
        values = {
            "color": rgba(look.colour), "style": "no" if rgba(look.colour).endswith(",0") else "solid",
            "outline_color": rgba(look.line), "outline_style": dash, "outline_width": f"{look.line_mm:g}",
            "outline_width_unit": "MM", "joinstyle": "bevel",
        }  # fmt: skip
    options = SubElement(layer, "Option", type="Map")
    for key, value in values.items():
        SubElement(options, "Option", type="QString", name=key, value=value)
    for key, value in values.items():
        SubElement(layer, "prop", k=key, v=value)


def _add_labels(parent: Element, layer: Layer) -> None:
    labels = SubElement(parent, "labeling", type="simple")
    settings = SubElement(labels, "settings", calloutType="simple")
    text = SubElement(
        settings, "text-style", fieldName=str(layer.label), isExpression="0", fontSize="8", fontSizeUnit="Point",
        textColor="40,40,40,255", fontFamily="Noto Sans CJK SC", textOpacity="1",
    )  # fmt: skip
    SubElement(
        text, "text-buffer", bufferDraw="1", bufferSize="0.8", bufferSizeUnits="MM", bufferColor="255,255,255,255",
        bufferOpacity="1",
    )  # fmt: skip
    placement = {"point": "6", "line": "2", "polygon": "1"}[layer.shape]
    SubElement(settings, "placement", placement=placement, dist="1.5", distUnits="MM")
    # Names of villages only where there is room for them.
    far = {"grid_village": "60000", "grid_area": "200000", "team_now": "100000"}.get(layer.id)
    rendering = SubElement(settings, "rendering", drawLabels="1", obstacle="1", scaleVisibility=_flag(far))
    if far is not None:
        rendering.set("scaleMin", far)
        rendering.set("scaleMax", "0")


def rgba(colour: str) -> str:
    """Return #rrggbb or #rrggbbaa as QGIS writes it."""
    numbers = [int(colour[at : at + 2], 16) for at in range(1, len(colour), 2)]
    return ",".join(map(str, [*numbers, 255][:4]))


def _flag(value: object) -> str:
    return "1" if value else "0"
