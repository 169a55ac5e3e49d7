"""Who owns a place: its owner chain, and the rule that decided."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from gridsvc.grids.levels import LEVEL_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gridsvc.grids.levels import Level
    from gridsvc.json_types import Json, JsonObject


class Rule(IntEnum):
    """The rule that decided the owner; arrays store the integer."""

    INTERIOR = 0
    BORDER = 1  # within 0.1 mm of a border of the owner's level: the half-open rule (`layout`) decides the side
    OVERLAP = 2  # several grids of one level contain the point: the lowest code owns it, `defect` names them all
    GAP = 3  # the district has finer levels, but no grid of them is here: the finest owner is of a wider level
    OUTSIDE = 4
    DISTRICT = 5  # no single grid of the widest level contains the line or area: the district owns it (R3)
    PERSON = 6  # a person named the owner of a case, with a reason

    @property
    def key(self) -> str:
        """The rule's name in files and answers: interior, border, overlap, gap, outside, district, person."""
        return self.name.lower()


RULE_KEYS = tuple(rule.key for rule in Rule)


@dataclass(frozen=True, slots=True)
class Owner:
    """Code and name of a grid that owns a place."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Share:
    """One owner chain, and its share of a radius, line or area; `owners` all None: outside the district.

    `urban_rural_code`: of the chain's finest owner, None where unknown. `demand_share`: its share of the past
    emergencies within the radius, None where these are too few.
    """

    owners: tuple[Owner | None, Owner | None, Owner | None, Owner | None]
    share: float
    urban_rural_code: str | None = None
    demand_share: float | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One reply to a question, in both languages, and the owner chain that it leads to with its share of the place."""

    zh: str
    en: str
    owners: tuple[Owner | None, Owner | None, Owner | None, Owner | None]
    share: float


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask the caller whose place several chains may own (R3), and what the replies mean.

    by: `road`, `river`, `railway` or `place`, what the replies are the sides of, with its `name`; `names`: the grids'
    own names.
    """

    by: str
    name: str | None
    zh: str
    en: str
    choices: tuple[Choice, ...]

    def as_json(self) -> dict[str, object]:
        """Return {by, name, zh, en, choices: [{zh, en, owners, share}]}."""
        choices = [
            {"zh": each.zh, "en": each.en, "owners": owners_json(each.owners), "share": round(each.share, 4)}
            for each in self.choices
        ]
        return {"by": self.by, "name": self.name, "zh": self.zh, "en": self.en, "choices": choices}


@dataclass(frozen=True, slots=True)
class Ownership:
    """The owner chain of one place.

    owners: by level, widest first; None where no grid of that level contains it. shares and confirm are set only for a
    place with a radius, a line or an area: confirm is true when the largest share is under 0.8: a person should confirm
    the owner; `question` is what to ask, for a place with a radius. by: what the shares are of, `area`, or `length` of
    a line. emergencies: how many past ones the demand shares rest on, None without these. defect names the grids that
    overlap here. derived: keys of the levels whose grid the program drew, because no source has it. urban_rural_code:
    of the finest owner, None where unknown. rim: a point of the outer border that the half-open rule leaves to a
    neighbour; the district has it where no other one holds it.
    """

    district: str
    owners: tuple[Owner | None, Owner | None, Owner | None, Owner | None]
    rule: Rule
    generation: int
    shares: tuple[Share, ...] | None = None
    confirm: bool | None = None
    question: Question | None = None
    by: str = "area"
    emergencies: int | None = None
    defect: str | None = None
    derived: tuple[str, ...] = ()
    urban_rural_code: str | None = None
    rim: bool = False

    def owner(self, level: Level) -> Owner | None:
        """Return the owner at a level."""
        return self.owners[level - 1]

    @property
    def finest(self) -> Owner | None:
        """The owner of the finest level that has one."""
        return next((owner for owner in reversed(self.owners) if owner is not None), None)

    def owners_json(self) -> dict[str, dict[str, str] | None]:
        """Return `owners` as in HTTP answers: {regional: {code, name} | null, ...}."""
        return owners_json(self.owners)

    def as_json(self) -> dict[str, object]:
        """Return {district, owners, rule, generation, `shares_json` and confirm?, question?, defect?, derived?}."""
        answer: dict[str, object] = {
            "district": self.district,
            "owners": self.owners_json(),
            "rule": self.rule.key,
            "generation": self.generation,
        }
        if self.shares is not None:
            answer |= shares_json(self.shares, self.by, self.emergencies)
            answer["confirm"] = bool(self.confirm)
        if self.question is not None:
            answer["question"] = self.question.as_json()
        if self.defect is not None:
            answer["defect"] = self.defect
        if self.derived:
            answer["derived"] = list(self.derived)
        return answer


def read_owners(value: JsonObject) -> tuple[Owner | None, Owner | None, Owner | None, Owner | None]:
    """Return the owner chain that `owners_json` wrote."""
    chain = [value[key] for key in LEVEL_KEYS]
    first, second, third, fourth = (None if each is None else Owner(each["code"], each["name"]) for each in chain)
    return first, second, third, fourth


def owners_json(owners: tuple[Owner | None, ...]) -> dict[str, dict[str, str] | None]:
    """Return a chain as {regional: {code, name} | null, township, area, village}."""
    return {
        key: None if owner is None else {"code": owner.code, "name": owner.name}
        for key, owner in zip(LEVEL_KEYS, owners, strict=True)
    }


def shares_json(shares: Iterable[Share], by: str, emergencies: int | None) -> dict[str, Json]:
    """Return {shares: [{owners, share, demand_share?}], by, emergencies?}: the shares sum to 1, either of them."""
    rows: list[Json] = []
    for each in shares:
        row: dict[str, Json] = {"owners": owners_json(each.owners), "share": round(each.share, 4)}
        rows.append(row if each.demand_share is None else row | {"demand_share": round(each.demand_share, 4)})
    value: dict[str, Json] = {"shares": rows, "by": by}
    return value if emergencies is None else value | {"emergencies": emergencies}
