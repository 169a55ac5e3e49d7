"""Map files: read, found by name among those that the program brings, and written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gridsvc.compliance.call_map import CallMap, Condition
from gridsvc.errors import InvalidInput
from gridsvc.files.law.catalogue import only_keys, read_toml
from gridsvc.files.packaged import geodata_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NEEDED = {"id", "columns", "time_format", "time_zone"}
_KEYS = _NEEDED | {
    "name", "lead", "emergency", "drill", "cancelled", "types", "classes", "targets_s", "latitude_first", "datum",
}  # fmt: skip
_CLASSES = ("urban", "rural")


def read_call_map(path: Path) -> CallMap:
    """Read a map, from a file or by the name of one in geodata/maps, such as `sffd`.

    Raises InvalidInput with the place and the cure.
    """
    packaged = geodata_folder() / "maps" / path.with_suffix(".toml").name
    if not path.exists() and packaged.exists() and path.parent.parts in {(), ("geodata", "maps")}:
        path = packaged
    if not path.exists():
        known = ", ".join(sorted(each.stem for each in packaged.parent.glob("*.toml")))
        raise InvalidInput(
            f"{path}: no such map; give the path of a TOML file, or one of: {known}. To propose one: "
            "`gridsvc compliance --file CALLS.csv --map guess --save-map MAP.toml`."
        )
    value = read_toml(path)
    only_keys(value, _KEYS, _NEEDED, str(path))
    formats = value["time_format"]
    columns = _table(value, "columns", path)
    return CallMap(
        id=str(value["id"]),
        name=str(value.get("name", value["id"])),
        columns={name: _words(titles, f"{path}: columns.{name}") for name, titles in columns.items()},
        time_formats=_words(formats, f"{path}: time_format"),
        time_zone=str(value["time_zone"]),
        **{name: _condition(value, name, path) for name in ("lead", "emergency", "drill", "cancelled")},
        types=_types(value, path),
        classes=_classes(value, path),
        targets_s=_targets(value, path),
        latitude_first=bool(value.get("latitude_first", True)),
        datum=str(value.get("datum", "WGS-84")),
    )


def _table(value: Mapping[str, Any], name: str, path: Path) -> dict[str, Any]:
    found = value.get(name, {})
    if not isinstance(found, dict):
        raise InvalidInput(f"{path}: `{name}` is {found!r}; write it as a table: [{name}].")
    return found


def _words(value: object, where: str) -> tuple[str, ...]:
    """Return one text, or each of a list of them."""
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not words or not all(isinstance(each, str) and each for each in words):
        raise InvalidInput(f"{where} is {value!r}; give a text, or a list of texts.")
    return tuple(words)


def _condition(value: Mapping[str, Any], name: str, path: Path) -> Condition | None:
    if name not in value:
        return None
    found = _table(value, name, path)
    only_keys(found, {"column", "values"}, {"column", "values"}, f"{path}: {name}")
    return Condition(str(found["column"]), _words(found["values"], f"{path}: {name}.values"))


def _types(value: Mapping[str, Any], path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, values in _table(value, "types", path).items():
        found |= dict.fromkeys(_words(values, f"{path}: types.{name}"), name)
    return found


def _classes(value: Mapping[str, Any], path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, values in _table(value, "classes", path).items():
        if name not in _CLASSES:
            raise InvalidInput(f"{path}: classes.{name} is no class; use {' and '.join(_CLASSES)}.")
        found |= dict.fromkeys(_words(values, f"{path}: classes.{name}"), name)
    return found


def _targets(value: Mapping[str, Any], path: Path) -> dict[str, int]:
    found = _table(value, "targets_s", path)
    for name, seconds in found.items():
        if name not in {*_CLASSES, "any"} or not isinstance(seconds, int) or isinstance(seconds, bool) or seconds <= 0:
            raise InvalidInput(
                f"{path}: targets_s.{name} = {seconds!r}; give whole seconds above 0 for urban, rural or any."
            )
    return found


def map_text(of: CallMap) -> str:
    """Return a map as the text of a file that `read_call_map` reads."""
    lines = [
        f"id = {_text(of.id)}",
        f"name = {_text(of.name)}",
        f"time_zone = {_text(of.time_zone)}",
        f"time_format = {_texts(of.time_formats)}",
    ]
    if "point" in of.columns:
        lines.append(f"latitude_first = {'true' if of.latitude_first else 'false'}")
    lines += ["", "[columns]", *(f"{name} = {_texts(titles)}" for name, titles in of.columns.items())]
    for name, each in of.conditions.items():
        lines += ["", f"[{name}]", f"column = {_text(each.column)}", f"values = {_texts(each.values, alone=False)}"]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """Return a text as TOML has it: a basic string, which JSON's is one of."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _texts(values: tuple[str, ...], *, alone: bool = True) -> str:
    return _text(values[0]) if alone and len(values) == 1 else f"[{', '.join(map(_text, values))}]"
