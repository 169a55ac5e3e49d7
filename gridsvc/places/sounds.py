"""How names sound: pinyin of characters, and the sounds that speakers and input methods mix up."""

from __future__ import annotations

import re
from functools import lru_cache

from pypinyin import lazy_pinyin

from gridsvc.places.text import is_han


@lru_cache(maxsize=30_000)
def syllable(char: str) -> str:
    """Return the pinyin of a character without its tone; another character as it is."""
    return str(lazy_pinyin(char)[0]).replace("ü", "v") if is_han(char) else char


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
