"""How names sound: pinyin of characters, and the sounds that speakers and input methods mix up."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.places.text import is_han

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_FIRST, _BEYOND = 0x3400, 0xA000
"""The characters whose sounds a gazetteer keeps."""


@lru_cache(maxsize=30_000)
def syllable(char: str) -> str:
    """Return the pinyin of a character without its tone; another character as it is."""
    if not is_han(char):
        return char
    from pypinyin import lazy_pinyin  # a quarter of a second; a stored gazetteer brings the sounds

    return str(lazy_pinyin(char)[0]).replace("ü", "v")


def pack_spoken() -> tuple[NDArray[np.uint16], list[str]]:
    """Return the sounds of all usual characters: numbers into a list, whose first one is that of none."""
    syllables = {"": 0}
    codes = np.zeros(_BEYOND - _FIRST, np.uint16)
    for code in range(_FIRST, _BEYOND):
        sound = syllable(chr(code))
        if sound != chr(code):
            codes[code - _FIRST] = syllables.setdefault(sound, len(syllables))
    return codes, list(syllables)


class Spoken:
    """The sounds of characters as `pack_spoken` returned them: without loading the dictionary of pypinyin."""

    def __init__(self, codes: NDArray[Any], syllables: Sequence[str]) -> None:
        self._codes = codes.data
        self._syllables = syllables

    def syllable(self, char: str) -> str:
        """Return what the function `syllable` returns."""
        if not is_han(char):
            return char
        code = ord(char) - _FIRST
        if not 0 <= code < _BEYOND - _FIRST:
            return syllable(char)
        return self._syllables[self._codes[code]] or char


@lru_cache(maxsize=5_000)
def near(sound: str) -> str:
    """Return one spelling for the syllables that are mixed up here: zh/z, ch/c, sh/s, n/l, -ng/-n."""
    return re.sub("ng$", "n", re.sub("^([zcs])h", r"\1", re.sub("^l", "n", sound)))


def near_word(letters: str) -> str:
    """Return the same for a word typed without marks between its syllables."""
    return re.sub("ng", "n", re.sub("([zcs])h", r"\1", letters)).replace("l", "n")


# Characters of place names that are read in two ways.
_READINGS = {
    "长": ("chang", "zhang"), "重": ("chong", "zhong"), "行": ("hang", "xing"), "乐": ("le", "yue"),
    "堡": ("bao", "pu"), "莘": ("xin", "shen"), "埔": ("pu", "bu"), "柏": ("bai", "bo"), "车": ("che", "ju"),
    "朝": ("chao", "zhao"), "厦": ("xia", "sha"), "单": ("dan", "shan"), "曾": ("zeng", "ceng"),
    "圩": ("xu", "wei"), "传": ("chuan", "zhuan"), "调": ("diao", "tiao"), "都": ("du", "dou"),
    "和": ("he", "huo"), "降": ("jiang", "xiang"), "晟": ("cheng", "sheng"), "盛": ("sheng", "cheng"),
    "六": ("liu", "lu"), "石": ("shi", "dan"), "弄": ("long", "nong"), "尾": ("wei", "yi"),
}  # fmt: skip


def sounds_of(name: str) -> list[tuple[str, ...]]:
    """Return the ways to say a name, the usual one first."""
    usual = tuple(map(syllable, name))
    ways = [usual]
    for k, char in enumerate(name):
        ways += [(*usual[:k], other, *usual[k + 1 :]) for other in _READINGS.get(char, ()) if other != usual[k]]
    return ways
