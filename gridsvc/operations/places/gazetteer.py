"""The gazetteer of a district: built from what is in force, kept as a file, and loaded once in a process."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.db.evidence.artifacts import ArtifactLost
from gridsvc.db.grids.addresses import list_addresses
from gridsvc.db.grids.versions import list_districts
from gridsvc.db.places.features import list_features
from gridsvc.db.places.learned import list_learned
from gridsvc.db.places.sources import list_named_roads, list_named_stations
from gridsvc.db.places.versions import get_gazetteer_version
from gridsvc.db.session.scope import whole_district
from gridsvc.files.derived import derived, remove_derived
from gridsvc.files.grids.divisions import find_district_name
from gridsvc.files.grids.neighbours import read_surroundings
from gridsvc.operations.grids.mapped import ownership_index
from gridsvc.operations.places.entries import LEARNED, LEARNED_ONCE, Sources, entries_of, learned_entries
from gridsvc.places.gazetteer import Gazetteer
from gridsvc.places.model import DistrictName
from gridsvc.places.stored import pack_gazetteer, unpack_gazetteer
from gridsvc.roads.network.container import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from gridsvc.db.grids.versions import Versions
    from gridsvc.grids.index import OwnershipIndex
    from gridsvc.operations.runtime.service import Service
    from gridsvc.places.model import Candidate, Entry

    Blocks = list[bytes | memoryview]

_FORMAT = 6
"""Counts changes of how a gazetteer is made: a file that was made otherwise is not used."""

_MAGIC = b"gsNAMES\n"

_BYTES_A_STORED_BYTE = 3
"""What a gazetteer takes in memory at most: its mapped file, and the entries that were asked for."""

_ADMINISTRATIVE = "区县市旗"


@dataclass(frozen=True, slots=True)
class DistrictGazetteer:
    """The gazetteer of a district, and which of its names were learned from cases.

    `learned`: (name, lon, lat) of names that two persons gave; `once`: of those that one person gave.
    """

    district: str
    gazetteer: Gazetteer
    learned: frozenset[tuple[str, float, float]]
    once: frozenset[tuple[str, float, float]]
    cache_bytes: int

    @classmethod
    def of(cls, district: str, gazetteer: Gazetteer, learned: Sequence[Entry], stored_bytes: int) -> DistrictGazetteer:
        """Return a gazetteer with the entries of learned names in it."""
        known, once = (
            frozenset((each.name, each.lon, each.lat) for each in learned if each.source == source)
            for source in (LEARNED, LEARNED_ONCE)
        )
        whole = gazetteer.with_more(learned)
        return cls(district, whole, known, once, _BYTES_A_STORED_BYTE * stored_bytes)

    def is_learned(self, candidate: Candidate) -> bool:
        """Whether a candidate's name was learned from a case, and so may be personal data."""
        key = (candidate.name, candidate.lon, candidate.lat)
        return key in self.learned or key in self.once


def gazetteer_of(service: Service, connection: Connection, versions: Versions) -> DistrictGazetteer:
    """Return the gazetteer of a district at a version vector; built where no file of it is there yet."""
    code = versions.district
    changes = get_gazetteer_version(connection, code)
    key = (code, versions.generation, versions.network, changes.sources)

    def load() -> DistrictGazetteer:
        content = _stored(service, code, key, lambda: _build(service, connection, versions))
        arrays, rest, _ = unpack(content, magic=_MAGIC, verify=False)  # `derived` has compared the digest
        with whole_district(connection):  # the cache is shared by all callers
            names = list_learned(connection, code)
        learned = learned_entries(names, _index(service, connection, versions)) if names else []
        return DistrictGazetteer.of(code, unpack_gazetteer(arrays, rest), learned, len(content))

    found = service.cached("gazetteer", (*key, changes.names), load)
    service.remember("gazetteer", code, found)
    return found


def _stored(service: Service, code: str, key: tuple[object, ...], build: Callable[[], Blocks]) -> memoryview:
    """Return the file of a gazetteer; one of an earlier version is removed when it is made.

    Learned names are not in it: they may be personal data, and erasing deletes rows, not files.
    """
    stem = hashlib.sha256(code.encode()).hexdigest()[:12]
    digest = hashlib.sha256(json.dumps([_FORMAT, *key]).encode()).hexdigest()

    def make() -> Blocks:
        remove_derived(service.folder, f"{stem}.*.gazetteer")
        return build()

    return derived(service.folder, f"{stem}.{digest}.gazetteer", make)


def _index(service: Service, connection: Connection, versions: Versions) -> OwnershipIndex | None:
    if versions.generation is None:
        return None
    try:
        return ownership_index(service, connection, versions.district, versions.generation)
    except ArtifactLost:  # addresses alone are better than none (R10)
        return None


def _build(service: Service, connection: Connection, versions: Versions) -> Blocks:
    """Return the file of a gazetteer, made for the whole district, since the cache is shared by all callers."""
    code = versions.district
    index = _index(service, connection, versions)
    with whole_district(connection):
        roads = [] if versions.network is None else list_named_roads(connection, code, versions.network)
        sources = Sources(
            code,
            index,
            list_addresses(connection, code),
            roads,
            list_named_stations(connection, code),
            list_features(connection, code),
        )
    name = next((each.name for each in list_districts(connection) if each.code == code), code)
    gazetteer = Gazetteer.of(entries_of(sources), _district_name(code, name))
    arrays, rest = pack_gazetteer(gazetteer)
    return pack(arrays, rest, magic=_MAGIC)


def _district_name(code: str, loaded_as: str) -> DistrictName:
    """Return what a district is called: by the divisions where they know it, and as it was loaded."""
    around = read_surroundings(code)
    above = tuple(name for name in (around.province, around.prefecture) if name is not None)
    known = find_district_name(code)
    name = known or loaded_as
    others = [] if known is None else [loaded_as]
    if len(name) > 2 and name[-1] in _ADMINISTRATIVE:
        others.append(name[:-1])
    return DistrictName(name, above, tuple(dict.fromkeys(each for each in others if each != name)))
