"""Finding PostGIS in trees laid out as Debian does, and unpacking real packages from a real apt source on the disk."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from gridsvc.db.cluster import os_packages
from gridsvc.db.cluster.postgis import find_postgis, get_postgis
from gridsvc.errors import Refusal

if TYPE_CHECKING:
    from pathlib import Path

with_apt = pytest.mark.skipif(shutil.which("apt-get") is None, reason="a system without apt")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with nothing unpacked in it."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def server(root: Path, major: int, *, postgis: bool) -> Path:
    programs = root / f"usr/lib/postgresql/{major}/bin"
    programs.mkdir(parents=True)
    (programs / "postgres").touch()
    extensions = root / f"usr/share/postgresql/{major}/extension"
    extensions.mkdir(parents=True)
    if postgis:
        (extensions / "postgis.control").touch()
    return programs


def test_the_newest_that_has_postgis_and_not_the_newest(tmp_path: Path) -> None:
    server(tmp_path, 9, postgis=True)
    sixteen = server(tmp_path, 16, postgis=True)
    server(tmp_path, 18, postgis=False)
    found = find_postgis(system=tmp_path)
    assert found is not None
    assert (found.major, found.programs) == (16, sixteen)  # by number: "9" > "16" as text


def test_existing_data_ask_for_their_own_major(tmp_path: Path) -> None:
    fifteen = server(tmp_path, 15, postgis=True)
    server(tmp_path, 17, postgis=True)
    found = find_postgis(15, system=tmp_path)
    assert found is not None
    assert found.programs == fifteen
    assert find_postgis(16, system=tmp_path) is None


def test_one_unpacked_for_the_user_comes_with_its_libraries(tmp_path: Path, home: Path) -> None:
    prefix = home / ".local/share/gridsvc-packages/postgis-17"
    programs = server(prefix, 17, postgis=True)
    libraries = prefix / "usr/lib/x86_64-linux-gnu"
    libraries.mkdir()
    (libraries / "libgeos_c.so.1").touch()
    (prefix / "usr/share/proj").mkdir()
    found = find_postgis(system=tmp_path / "no-system")
    assert found is not None
    assert found.programs == programs
    assert found.environment == {"LD_LIBRARY_PATH": str(libraries), "PROJ_DATA": str(prefix / "usr/share/proj")}
    # The system's of the same major is kept up to date by the system: it comes first.
    systems = server(tmp_path, 17, postgis=True)
    again = find_postgis(system=tmp_path)
    assert again is not None
    assert again.programs == systems


@pytest.mark.parametrize(("major", "package"), [(None, "postgresql-N-postgis-3"), (16, "postgresql-16-postgis-3")])
def test_where_there_is_none_and_no_apt_the_line_to_type_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, major: int | None, package: str
) -> None:
    monkeypatch.setattr(os_packages, "have_apt", lambda: False)
    with pytest.raises(Refusal) as refused:
        get_postgis(major, system=tmp_path)
    assert f"apt-get install --no-install-recommends {package}" in refused.value.detail
    assert "docker compose -f docker/compose.yaml up postgis" in refused.value.detail


@pytest.fixture
def source(tmp_path: Path) -> list[str]:
    """Options for an apt source with three packages: `one` needs `two` and `three`; nothing is installed."""
    made = tmp_path / "source"
    index = ""
    for name, needs in (("one", "two, three"), ("two", ""), ("three", "")):
        tree = tmp_path / f"tree-{name}"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "usr/share/gridsvc-test").mkdir(parents=True)
        (tree / f"usr/share/gridsvc-test/{name}").write_text(name)
        control = f"Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody\nDescription: {name}\n"
        control += f"Depends: {needs}\n" if needs else ""
        (tree / "DEBIAN/control").write_text(control)
        made.mkdir(exist_ok=True)
        archive = made / f"{name}.deb"
        subprocess.run(["dpkg-deb", "--build", tree, archive], check=True, capture_output=True)
        content = archive.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        index += f"{control}Filename: ./{name}.deb\nSize: {len(content)}\nSHA256: {digest}\n\n"
    (made / "Packages").write_text(index)
    (tmp_path / "sources.list").write_text(f"deb [trusted=yes] file:{made} ./\n")
    (tmp_path / "status").touch()
    for folder in ("lists/partial", "cache/archives/partial"):
        (tmp_path / folder).mkdir(parents=True)
    values = {
        "Dir::Etc::sourcelist": tmp_path / "sources.list", "Dir::Etc::sourceparts": "-", "Dir::State": tmp_path,
        "Dir::State::status": tmp_path / "status", "Dir::State::lists": tmp_path / "lists",
        "Dir::Cache": tmp_path / "cache", "Debug::NoLocking": "1", "APT::Sandbox::User": "root",
    }  # fmt: skip
    options = [word for name, value in values.items() for word in ("-o", f"{name}={value}")]
    subprocess.run(["apt-get", *options, "update"], check=True, capture_output=True)
    return options


@with_apt
def test_packages_are_unpacked_with_what_they_need_and_without_what_they_do_not(
    tmp_path: Path, source: list[str]
) -> None:
    prefix = tmp_path / "prefix"
    finished: list[list[str]] = []

    def finish(tree: Path) -> None:
        assert not prefix.exists()
        finished.append(sorted(path.name for path in (tree / "usr/share/gridsvc-test").iterdir()))

    for _ in range(2):  # the second time it is there already
        os_packages.unpack(["one"], prefix, options=source, without="^three$", report=lambda _line: None, finish=finish)
    assert finished == [["one", "two"]]
    assert (prefix / "usr/share/gridsvc-test/two").read_text() == "two"


@with_apt
def test_a_server_that_the_system_has_is_taken_anew_with_its_extension(tmp_path: Path, source: list[str]) -> None:
    installed = "Package: {}\nStatus: install ok installed\nVersion: 1.0\nArchitecture: all\nMaintainer: x\n{}\n"
    (tmp_path / "status").write_text(
        installed.format("two", "")
        + installed.format("three", "")
        + installed.format("tool", "Depends: two, three\n")  # would be broken where `two` is only forgotten
        + installed.format("toolbox", "Pre-Depends: tool\n")
    )
    prefix = tmp_path / "prefix"
    os_packages.unpack(["one"], prefix, options=source, reinstall="^two$", report=lambda _line: None)
    assert sorted(path.name for path in (prefix / "usr/share/gridsvc-test").iterdir()) == ["one", "two"]


@with_apt
def test_a_package_that_is_not_to_be_had_leaves_nothing_behind(tmp_path: Path, source: list[str]) -> None:
    prefix = tmp_path / "own" / "prefix"
    (tmp_path / "source/two.deb").write_bytes(b"truncated")
    with pytest.raises(os_packages.PackagesFailed, match="one could not be"):
        os_packages.unpack(["one"], prefix, options=source, report=lambda _line: None)
    with pytest.raises(os_packages.PackagesFailed, match="nonesuch"):
        os_packages.unpack(["nonesuch"], prefix, options=source, report=lambda _line: None)
    assert [path.name for path in prefix.parent.iterdir()] == ["prefix.lock"]
