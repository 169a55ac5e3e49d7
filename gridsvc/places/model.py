"""What a gazetteer is made of, and what looking up a description in it returns."""

from __future__ import annotations

from dataclasses import dataclass, field

ACTED_ON = 0.8
"""From this confidence on, a candidate is acted on without asking the caller."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One named thing of a gazetteer. Degrees are WGS-84.

    `kind`: what the name names: district, regional, township, area, village, road, house, junction, kilometre, place,
    unit, postcode, elsewhere (it lies in another district; `parts["in"]` names that district).
    `radius_m`: the largest distance of what is meant from the point; of a grid, to its farthest border.
    `township`, `village`: names of the grids that it lies in, None where unknown. `codes`: of the owner chain.
    `former_of`: the code of the grid of today that took over this former name.
    `parts`: what a structured source says: street and house (of a house), street and street2 (of a junction), street
    and km (of a kilometre post), postcode, in.
    """

    name: str
    kind: str
    lon: float
    lat: float
    radius_m: float
    township: str | None = None
    village: str | None = None
    codes: tuple[str, ...] = ()
    former_of: str | None = None
    source: str = ""
    parts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DistrictName:
    """What a district is called: its name, the names above it (province, city), and other names in use for it."""

    name: str
    above: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that a description may mean; the most probable comes first in an answer.

    `confidence` 0 to 1, see `ACTED_ON`. `level`: the finest kind of thing that was matched, as `Entry.kind`.
    `words`: the words of the description that decided, as they were given. `codes`: of the owner chain.
    """

    lon: float
    lat: float
    radius_m: float
    confidence: float
    level: str
    name: str
    township: str | None
    village: str | None
    words: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()

    @property
    def confirm(self) -> bool:
        """Whether a person must be asked before the candidate is acted on."""
        return self.confidence < ACTED_ON
