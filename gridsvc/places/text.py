"""A description of a place in one spelling: half width, lower case, simplified, without separators.

Each character remembers where it stood in the text as it was given, so that an answer quotes the caller's words.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import opencc

_SIMPLIFIED = opencc.OpenCC("t2s")
LONGEST = 400
"""Characters of a description that are read; what follows is a story, not a place."""


@dataclass(frozen=True, slots=True)
class Text:
    """`plain` is what is searched; `at[k]` is where its character k stood in `given`.

    `edges` are the positions in `plain` where a separator stood, the ends included.
    """

    given: str
    plain: str
    at: tuple[int, ...]
    edges: frozenset[int]

    def quote(self, start: int, end: int) -> str:
        """Return the words as they were given."""
        return self.given[self.at[start] : self.at[end - 1] + 1]


def read_text(given: str) -> Text:
    """Return the text in one spelling."""
    plain: list[str] = []
    at: list[int] = []
    edges = {0}
    given = given[:LONGEST]
    for k, char in enumerate(given):
        spelled = _spell(char)
        if not spelled and plain and plain[-1].isdigit() and given[k + 1 : k + 2].isdigit():
            spelled = "+" if char in "+＋" else "." if char in ".．" else "-"
        if not spelled:
            edges.add(len(plain))
        for one in spelled:
            plain.append(one)
            at.append(k)
    edges.add(len(plain))
    return Text(given, "".join(plain), tuple(at), frozenset(edges))


def spell(name: str) -> str:
    """Return a name as `read_text` spells it."""
    return "".join(map(_spell, name))


@lru_cache(maxsize=30_000)
def _spell(char: str) -> str:
    """Return the letters and digits of a character; nothing for a separator or a sign."""
    folded = unicodedata.normalize("NFKC", char).casefold()
    if folded.isascii():
        return "".join(filter(str.isalnum, folded))
    if not any(map(str.isalpha, folded)) and not any(map(str.isdigit, folded)):
        return ""
    if len(folded) == 1 and is_han(folded):
        return str(_SIMPLIFIED.convert(folded))[:1]
    bare = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    return "".join(filter(str.isalnum, bare))


def is_han(char: str) -> bool:
    """Whether the character is a Chinese one."""
    return "㐀" <= char <= "鿿" or char == "〇" or char >= "\U00020000"


TOWNSHIP = re.compile(r"(?:街道办事处|街道|镇|乡)$")
COUNTY = re.compile(r"(?:特别行政区|自治区|自治州|自治县|地区|省|市|区|县)$")
_COMMITTEE = re.compile(r"(?:村民委员会|村委会|行政村)$")
_RESIDENTS = re.compile(r"(?:居民委员会|居委会)$")
_VILLAGE = re.compile(r"(?:村|社区)$")


def stem_of(name: str, kind: str) -> str:
    """Return a name without the word for what it is, where at least two characters are left."""
    if kind == "village":
        name = _RESIDENTS.sub("", _COMMITTEE.sub("村", name))
        name = re.sub("村村$", "村", name)
    ending = {
        "village": _VILLAGE,
        "township": TOWNSHIP,
        "elsewhere": re.compile(f"{TOWNSHIP.pattern}|{COUNTY.pattern}"),
    }
    stem = ending[kind].sub("", name) if kind in ending else name
    return stem if len(stem) > 1 else name


_DIGITS = {char: k for k, char in enumerate("〇一二三四五六七八九")} | {
    "零": 0,
    "两": 2,
    "壹": 1,
    "贰": 2,
    "叁": 3,
    "肆": 4,
}
_DIGITS |= {"伍": 5, "陆": 6, "柒": 7, "捌": 8, "玖": 9}
_UNITS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
NUMERALS = "".join((*_DIGITS, *_UNITS, "廿", "卅"))


def number_of(words: str) -> int | None:
    """Return what Arabic or Chinese digits say: 123, 一百二十三, 一二三, 廿五; None where they say nothing."""
    if words.isdecimal():
        return int(words)
    words = words.replace("廿", "二十").replace("卅", "三十")
    if not words or any(char not in _DIGITS and char not in _UNITS for char in words):
        return None
    if not any(char in _UNITS for char in words):
        return int("".join(str(_DIGITS[char]) for char in words))
    total, digit, unit = 0, None, 1
    for char in words:
        if char in _UNITS:
            unit = _UNITS[char]
            total += (1 if digit is None else digit) * unit
            digit = None
        else:
            digit, unit = _DIGITS[char], 1 if char in "〇零" else unit
    # 一百二 is 120: a digit behind a unit counts tens of it when nothing stands between.
    return total + (0 if digit is None else digit * (unit // 10 if unit > 10 else 1))
