"""The layers of what a county hands over: a file, a folder, a file geodatabase, or a zip archive of them."""

from __future__ import annotations

import shutil
import tempfile
import warnings
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from gridsvc.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DATASETS = (".shp", ".gpkg", ".geojson", ".json", ".geojsonl", ".geojsons", ".kml", ".kmz", ".tab", ".mif", ".fgb",
            ".dxf", ".csv", ".tsv", ".gml", ".sqlite")  # fmt: skip
"""Endings of files that hold layers, where they lie in a folder or an archive."""
TABLES = (".csv", ".tsv")
_BESIDE = (".shx", ".dbf", ".prj", ".cpg", ".map", ".dat", ".id", ".ind", ".mid", ".xsd")
_EXTRACTS = (".pbf", ".osm", ".osm.bz2", ".osm.gz")
_PACKED = (".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2")
_LARGEST_BYTES = 16 << 30
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer with geometries. label: how --layer names it; kind: of its geometries as the driver says it."""

    dataset: Path
    name: str
    label: str
    kind: str

    @property
    def may_be_areal(self) -> bool:
        """Whether it may hold polygons, or lines that close."""
        return "Point" not in self.kind


@contextmanager
def open_container(path: Path) -> Iterator[list[Layer]]:
    """Yield the layers with geometries of a file, folder or zip archive; what was unpacked goes when the block ends.

    Raises
    ------
    NotFound
        When there is no such file.
    InvalidInput
        For an archive that cannot be unpacked, and for what is no geodata.
    """
    if not path.exists():
        raise NotFound(f"There is no file {path}.", kind="no-file")
    if path.name.lower().endswith(_EXTRACTS):
        raise InvalidInput(
            f"{path} is an extract of OpenStreetMap. Load its boundaries by `gridsvc load osm {path}`, which names the "
            "municipalities that the extract cuts off.",
            kind="unreadable-file",
        )
    if path.suffix.lower() in _PACKED:
        raise InvalidInput(
            f"{path} is packed in a way that is not read here. Unpack it, and give a .zip or the folder.",
            kind="unreadable-file",
        )
    if zipfile.is_zipfile(path) and path.suffix.lower() not in {".kmz", ".xlsx", ".ods"}:
        with tempfile.TemporaryDirectory(prefix="gridsvc-") as folder:
            _unpack(path, Path(folder))
            yield _layers_of_folder(path, Path(folder))
    elif path.is_dir() and path.suffix.lower() != ".gdb":
        yield _layers_of_folder(path, path)
    else:
        yield _layers(path, path, label=None)


def choose_layer(path: Path, layers: Sequence[Layer], wanted: str | None) -> tuple[Layer, list[str]]:
    """Return the layer to read and what to say of the choice.

    Raises
    ------
    InvalidInput
        Where there is none, none of that name, or a choice between several that may hold areas.
    """
    listed = ", ".join(layer.label for layer in layers[:_SHOWN]) + (", ..." if len(layers) > _SHOWN else "")
    if wanted is not None:
        found = [layer for layer in layers if wanted == layer.label] or [
            layer for layer in layers if wanted in {layer.name, PurePosixPath(layer.label).name}
        ]
        if len(found) == 1:
            return found[0], []
        what = "no layer" if not found else f"{len(found)} layers"
        raise InvalidInput(
            f"{path} has {what} {wanted!r}; it has {listed}.", kind="no-layer",
            retry=[["--layer", layer.label] for layer in (found or layers)[:_SHOWN]],
        )  # fmt: skip
    if not layers:
        raise InvalidInput(f"{path} holds no layer with geometries.", kind="empty-file")
    areal = [layer for layer in layers if layer.may_be_areal] or list(layers)
    if len(areal) == 1:
        others = [layer.label for layer in layers if layer is not areal[0]]
        said = f"layer {areal[0].label!r}, the only one that may hold areas; not {', '.join(others[:_SHOWN])}"
        return areal[0], [said] if others else []
    raise InvalidInput(
        f"{path} has {len(layers)} layers: choose one by --layer: {listed}.",
        kind="no-layer",
        retry=[["--layer", layer.label] for layer in areal[:_SHOWN]],
    )


def _unpack(path: Path, folder: Path) -> None:
    """Unpack what belongs to geodata, under names that cannot lead out of the folder."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [(info, _member_name(info)) for info in archive.infolist() if not info.is_dir()]
            kept = [(info, name) for info, name in members if _is_wanted(name)]
            if sum(info.file_size for info, _ in kept) > _LARGEST_BYTES:
                raise InvalidInput(
                    f"{path} holds more than {_LARGEST_BYTES >> 30} GB. Unpack it, and give the one file.",
                    kind="unreadable-file",
                )
            for info, name in kept:
                target = folder.joinpath(*name.parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(info) as source, target.open("wb") as file:
                    shutil.copyfileobj(source, file)
    except RuntimeError as error:  # of the standard library, for an archive with a password
        raise InvalidInput(
            f"{path} cannot be unpacked: {error}. Unpack it with its password, and give the folder.",
            kind="unreadable-file",
        ) from None
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise InvalidInput(
            f"{path} cannot be unpacked: {error}. Have it packed again.", kind="unreadable-file"
        ) from None


def _member_name(info: zipfile.ZipInfo) -> PurePosixPath:
    """Return the name of a member; without the flag of UTF-8 it is as Windows in China writes it."""
    name = info.filename
    if not info.flag_bits & 0x800:
        try:
            name = name.encode("cp437").decode("gb18030")
        except UnicodeError:
            name = info.filename
    parts = [part for part in name.replace("\\", "/").split("/") if part not in {"", ".", ".."}]
    return PurePosixPath(*(part.replace(":", "_") for part in parts))


def _is_wanted(name: PurePosixPath) -> bool:
    if not name.parts or name.name.startswith("._") or "__MACOSX" in name.parts:
        return False
    in_geodatabase = any(part.lower().endswith(".gdb") for part in name.parts[:-1])
    return in_geodatabase or name.suffix.lower() in (*DATASETS, *_BESIDE)


def _layers_of_folder(path: Path, folder: Path) -> list[Layer]:
    datasets = [
        each
        for each in sorted(folder.rglob("*"))
        if (each.suffix.lower() in DATASETS and each.is_file() and not _inside_geodatabase(each, folder))
        or (each.suffix.lower() == ".gdb" and each.is_dir())
    ]
    datasets = [each for each in datasets if each.suffix.lower() != ".mif" or each.with_suffix(".mid").exists()]
    if not datasets:
        raise InvalidInput(
            f"{path} holds no file of boundaries: none of {', '.join(DATASETS)}, and no .gdb folder.",
            kind="empty-file",
        )
    return [layer for each in datasets for layer in _layers(path, each, label=each.relative_to(folder).as_posix())]


def _inside_geodatabase(path: Path, folder: Path) -> bool:
    return any(parent.suffix.lower() == ".gdb" for parent in path.relative_to(folder).parents)


def _layers(path: Path, dataset: Path, *, label: str | None) -> list[Layer]:
    """Return the layers of one dataset; a table without geometries is none."""
    import pyogrio
    import pyogrio.errors

    if dataset.suffix.lower() in TABLES:  # the geometries of a table are found when it is read
        return [Layer(dataset, dataset.stem, dataset.stem if label is None else label, "Unknown")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            listed = [(str(name), kind) for name, kind in pyogrio.list_layers(dataset)]
    except (pyogrio.errors.DataSourceError, RuntimeError, ValueError) as error:
        what = str(path) if label is None else f"{path}: {label}"
        raise InvalidInput(
            f"{what} is no geodata file that GDAL reads ({first_line(error)}). GeoJSON, GeoPackage, Shapefile, KML, "
            "FileGDB and others are; check that it is whole.",
            kind="unreadable-file",
        ) from error
    kept = [(name, str(kind)) for name, kind in listed if kind is not None]
    several = len(kept) > 1
    return [
        Layer(dataset, name, name if label is None else f"{label}/{name}" if several else label, kind)
        for name, kind in kept
    ]


def first_line(error: Exception) -> str:
    """Return the first line of what a driver says."""
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
