"""A QGIS project over the views of the database, and the style files of its layers."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from gridsvc.errors import InvalidInput
from gridsvc.files.qgis.layers import LAYERS
from gridsvc.files.qgis.symbols import VERSION, add_style, style_of
from gridsvc.files.text import check_ending, replacing, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gridsvc.files.qgis.layers import Layer

ENDINGS = (".qgz", ".qgs")
_CRS = "EPSG:4326"
_WGS84 = (
    ("proj4", "+proj=longlat +datum=WGS84 +no_defs"), ("srsid", "3452"), ("srid", "4326"),
    ("description", "WGS 84"), ("projectionacronym", "longlat"), ("ellipsoidacronym", "EPSG:7030"),
    ("geographicflag", "true"),
)  # fmt: skip
_WORLD = (-180.0, -90.0, 180.0, 90.0)
_WKB = {"point": "Point", "line": "Line", "polygon": "Polygon"}
_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"


def write_project(
    path: Path, address: Mapping[str, str], extent: tuple[float, float, float, float] | None
) -> list[str]:
    """Write a project with all layers and their styles; return the layers' titles.

    Parameters
    ----------
    address
        Keywords of libpq: dbname, host, port, user ... A password is never written: QGIS asks for it.
    extent
        West, south, east, north of the first view, degrees; None: the world.

    Raises
    ------
    InvalidInput
        For an ending that is not in ENDINGS, and where the file cannot be written.
    """
    check_ending(path, ENDINGS)
    if "password" in address:
        raise InvalidInput("A project must hold no password. Leave it out: QGIS asks for it.", kind="project-password")
    text = _text(_project(path.stem, address, extent or _WORLD))
    if path.suffix.lower() == ".qgs":
        write_text(path, text)
    else:
        with replacing(path) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(f"{path.stem}.qgs"), text.encode(), zipfile.ZIP_DEFLATED)
    return [layer.title for layer in LAYERS]


def write_styles(folder: Path) -> list[Path]:
    """Write a .qml file for each layer into a folder, which is made if it is missing; return their paths."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(
            f"{folder} cannot be made: {error.strerror}. Give a folder that can be written.", kind="no-file"
        ) from None
    written = []
    for layer in LAYERS:
        path = folder / f"{layer.id}.qml"
        write_text(path, _text(style_of(layer)))
        written.append(path)
    return written


def _project(name: str, address: Mapping[str, str], extent: Sequence[float]) -> Element:
    root = Element("qgis", version=VERSION, projectname=name)
    SubElement(root, "homePath", path="")
    SubElement(root, "title").text = name
    _add_crs(SubElement(root, "projectCrs"))
    tree = SubElement(root, "layer-tree-group")
    for layer in LAYERS:
        SubElement(
            tree, "layer-tree-layer", id=_id(layer), name=layer.title, source=source_of(layer, address),
            providerKey="postgres", checked="Qt::Checked" if layer.shown else "Qt::Unchecked", expanded="0",
        )  # fmt: skip
    canvas = SubElement(root, "mapcanvas", name="theMapCanvas", annotationsVisible="1")
    SubElement(canvas, "units").text = "degrees"
    corners = SubElement(canvas, "extent")
    for side, value in zip(("xmin", "ymin", "xmax", "ymax"), extent, strict=True):
        SubElement(corners, side).text = f"{value:.6f}"
    SubElement(canvas, "rotation").text = "0"
    _add_crs(SubElement(canvas, "destinationsrs"))
    layers = SubElement(root, "projectlayers")
    for layer in LAYERS:
        _add_layer(layers, layer, address)
    # Without this QGIS does not read the reference system of the project.
    reference = SubElement(SubElement(root, "properties"), "SpatialRefSys")
    SubElement(reference, "ProjectionsEnabled", type="int").text = "1"
    order = SubElement(root, "layerorder")
    for layer in LAYERS:
        SubElement(order, "layer", id=_id(layer))
    return root


def _add_layer(parent: Element, layer: Layer, address: Mapping[str, str]) -> None:
    one = SubElement(
        parent, "maplayer", type="vector", geometry=_WKB[layer.shape], wkbType=layer.kind, readOnly="1",
        labelsEnabled="1" if layer.label else "0", autoRefreshEnabled="0", hasScaleBasedVisibilityFlag="0",
    )  # fmt: skip
    SubElement(one, "id").text = _id(layer)
    SubElement(one, "datasource").text = source_of(layer, address)
    SubElement(one, "layername").text = layer.title
    _add_crs(SubElement(one, "srs"))
    SubElement(one, "provider", encoding="UTF-8").text = "postgres"
    add_style(one, layer)
    SubElement(one, "layerOpacity").text = "1"


def _id(layer: Layer) -> str:
    """Return the id of a layer in a project; QGIS replaces one of ten characters or less."""
    return f"gridsvc_{layer.id}"


def source_of(layer: Layer, address: Mapping[str, str]) -> str:
    """Return where a layer is read from, as QgsDataSourceUri writes it; the filter comes last."""
    connection = " ".join(f"{name}='{_escaped(value)}'" for name, value in address.items())
    where = "" if layer.only is None else f"\"{layer.only[0]}\" = '{layer.only[1]}'"
    return (
        f"{connection} key='id' estimatedmetadata=true srid=4326 type={layer.kind} checkPrimaryKeyUnicity='0' "
        f'table="public"."{layer.view}" (geom) sql={where}'
    )


def _add_crs(parent: Element) -> None:
    known = SubElement(parent, "spatialrefsys", nativeFormat="Wkt")
    for name, value in (*_WGS84, ("authid", _CRS)):
        SubElement(known, name).text = value


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _text(root: Element) -> str:
    indent(root, " ")
    return _DOCTYPE + tostring(root, encoding="unicode") + "\n"
