"""The codes of districts: whether a new one has the form of those that are loaded. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Collection

_CODE = re.compile(r"\w[\w.-]{0,39}")
_COUNTY = re.compile(r"[1-9][0-9]{5}")


def check_new_code(code: str, loaded: Collection[str]) -> None:
    """Refuse the code of a new district that is likely a mistake: a load with it would make a district for good.

    A code has 1 to 40 letters, digits and `_.-`. Beside districts with codes of GB/T 2260 (six digits), another code
    with digits in it must be one, too; a name without digits may stand beside them.

    Raises
    ------
    InvalidInput
        With the codes that are loaded.
    """
    shown, known = code[:60], sorted(loaded)
    if not _CODE.fullmatch(code):
        raise InvalidInput(
            f"{shown!r} is no code of a district: a code has 1 to 40 letters, digits and `_.-`. Correct --district.",
            kind="district-code",
            district=shown,
            known=known,
        )
    counties = [each for each in known if _COUNTY.fullmatch(each)]
    if counties and len(counties) == len(known) and any(map(str.isdigit, code)) and not _COUNTY.fullmatch(code):
        raise InvalidInput(
            f"No district {shown} is loaded, and it is no code of six digits as those that are: {', '.join(known)}. "
            "Correct --district.",
            kind="district-code",
            district=shown,
            known=known,
        )
