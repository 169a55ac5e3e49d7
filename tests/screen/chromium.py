"""A Chromium for the tests of the screen: the system's, or one unpacked for an ordinary user.

Standard library only: `./run test` calls it before anything of ours is installed.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from gridsvc.db.cluster import os_packages

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_PACKAGE = "chromium"


def find_chromium() -> Path | None:
    """Find a Chromium to give to playwright as `executable_path`."""
    wrapper = _prefix() / "run-chromium"
    if wrapper.exists():
        return wrapper
    return next((Path(found) for name in _NAMES if (found := shutil.which(name))), None)


def get_chromium() -> Path:
    """Find a Chromium, or install or unpack it; raises PackagesFailed."""
    found = find_chromium()
    if found is None:
        if os_packages.administrator() is not None:
            os_packages.install([_PACKAGE], _report)
        else:
            options = os_packages.private_options(_report, f"^{_PACKAGE}$")
            os_packages.unpack([_PACKAGE], _prefix(), options=options, report=_report, finish=_write_wrapper)
        found = find_chromium()
    if found is None:
        raise os_packages.PackagesFailed("Chromium is not to be had here. Type: sudo apt-get install chromium")
    return found


def _prefix() -> Path:
    return os_packages.private_folder() / "chromium"


def _write_wrapper(tree: Path) -> None:
    """Write a script that starts Chromium from its final folder, with its own libraries and fonts."""
    prefix = _prefix()
    (tree / "fonts.conf").write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
        f"<dir>{prefix}/usr/share/fonts</dir><dir>/usr/share/fonts</dir>"
        f"<cachedir>{prefix}/font-cache</cachedir></fontconfig>\n",
        encoding="utf-8",
    )
    environment = {
        name: value.replace(str(tree), str(prefix)) for name, value in os_packages.environment_of(tree).items()
    }
    environment["FONTCONFIG_FILE"] = f"{prefix}/fonts.conf"
    lines = [f"export {name}='{value}'" for name, value in environment.items()]
    wrapper = tree / "run-chromium"
    wrapper.write_text(
        "\n".join(["#!/bin/sh", *lines, f"exec '{prefix}/usr/lib/chromium/chromium' \"$@\"", ""]), encoding="utf-8"
    )
    wrapper.chmod(0o755)


def _report(line: str) -> None:
    sys.stderr.write(line + "\n")


def main(arguments: list[str]) -> int:
    """Print the path of a Chromium; with --package only the package that root should install, if one is missing."""
    if arguments == ["--package"]:
        if find_chromium() is None and os_packages.have_apt() and os_packages.administrator() is not None:
            sys.stdout.write(_PACKAGE + "\n")
        return 0
    try:
        sys.stdout.write(f"{get_chromium()}\n")
    except os_packages.PackagesFailed as failed:
        _report(failed.detail)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
