"""Times of an export as microseconds, a column at a time: as the clock on the wall, or in UTC where it says so."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridsvc.compliance.call_map import EPOCH_UNITS, ISO
from gridsvc.times import MISSING, YEARS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_FRACTION = r"[.,](?P<fraction>\d{1,9})"
_OFFSET = r"(?P<offset>Z|[+-]\d{2}:?\d{2})$"
_ISO_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")
_FIRST_US = int(np.datetime64(f"{YEARS[0]}-01-01", "us").astype(np.int64))
_LAST_US = int(np.datetime64(f"{YEARS[-1] + 1}-01-01", "us").astype(np.int64))


def read_stamps(column: pa.Array, formats: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return (n,) microseconds, MISSING for an empty cell and for one that is no time, and (n,) which are in UTC.

    A format that is tried first wins. A day that a month does not have is no time.
    """
    text = pc.utf8_trim_whitespace(column)
    at_us = np.full(len(text), MISSING, dtype=np.int64)
    in_utc = np.zeros(len(text), dtype=bool)
    left = np.flatnonzero(pc.greater(pc.utf8_length(text.fill_null("")), 0).to_numpy(zero_copy_only=False))
    for each in formats:
        if not len(left):
            break
        some = text.take(pa.array(left)) if len(left) < len(text) else text
        found, utc = _of_format(some, each)
        known = (found != MISSING) & (found >= _FIRST_US) & (found < _LAST_US)
        at_us[left[known]] = found[known]
        in_utc[left[known]] = utc[known]
        left = left[~known]
    return at_us, in_utc


def _of_format(text: pa.Array, form: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    if form in EPOCH_UNITS:
        return _epoch(text, EPOCH_UNITS[form]), np.ones(len(text), dtype=bool)
    if form == ISO:
        return _iso(text)
    fraction_us: NDArray[np.int64] | int = 0
    if form.endswith(("%S.%f", "%S,%f")):
        form = form[:-3]
        text, fraction_us = _without_fraction(text)
    found = _parsed(text, form)
    return np.where(found == MISSING, MISSING, found + fraction_us), np.zeros(len(text), dtype=bool)


def _iso(text: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return times in ISO 8601: with T or a blank, to the minute or finer, with an offset or without."""
    text = pc.replace_substring_regex(text, r"^(\d{4}-\d{2}-\d{2})[Tt]", r"\1 ")
    offset = pc.struct_field(pc.extract_regex(text, r"\d{2}:\d{2}.*" + _OFFSET), "offset").fill_null("")
    has_offset = pc.not_equal(offset, "").to_numpy(zero_copy_only=False)
    if has_offset.any():
        plain = pc.utf8_trim_whitespace(pc.replace_substring_regex(text, _OFFSET.replace("?P<offset>", "?:"), ""))
        text = pc.if_else(pa.array(has_offset), plain, text)
    text, fraction_us = _without_fraction(text)
    found = np.full(len(text), MISSING, dtype=np.int64)
    for each in _ISO_FORMATS:
        left = found == MISSING
        if not left.any():
            break
        found[left] = _parsed(text.filter(pa.array(left)), each)
    shift_us = np.array([_offset_us(each) for each in offset.to_pylist()], dtype=np.int64) if has_offset.any() else 0
    return np.where(found == MISSING, MISSING, found + fraction_us - shift_us), has_offset


def _without_fraction(text: pa.Array) -> tuple[pa.Array, NDArray[np.int64]]:
    """Return the texts without the fraction of their seconds, and it in microseconds."""
    digits = pc.struct_field(pc.extract_regex(text, r":\d{2}" + _FRACTION + "$"), "fraction").fill_null("0")
    padded = pc.utf8_slice_codeunits(pc.utf8_rpad(digits, 6, "0"), 0, 6)
    return pc.replace_substring_regex(text, r"[.,]\d{1,9}$", ""), pc.cast(padded, pa.int64()).to_numpy()


def _offset_us(text: str) -> int:
    if text in {"", "Z"}:
        return 0
    sign = -1 if text[0] == "-" else 1
    return sign * (int(text[1:3]) * 60 + int(text[-2:])) * 60_000_000


def _epoch(text: pa.Array, unit_us: int) -> NDArray[np.int64]:
    whole = pc.match_substring_regex(text, r"^-?\d{1,14}$").to_numpy(zero_copy_only=False)
    found = np.full(len(text), MISSING, dtype=np.int64)
    found[whole] = pc.cast(text.filter(pa.array(whole)), pa.int64()).to_numpy() * unit_us
    return found


def _parsed(text: pa.Array, form: str) -> NDArray[np.int64]:
    parsed = pc.cast(pc.strptime(text, format=form, unit="s", error_is_null=True), pa.timestamp("us"))
    at_us: NDArray[np.int64] = pc.cast(parsed, pa.int64()).fill_null(MISSING).to_numpy().copy()
    # strptime takes 30 February as 1 March: what may have come about so is read again.
    stamps = at_us.view("datetime64[us]")
    month = stamps.astype("datetime64[M]")
    day = (stamps.astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)
    in_year = month.astype(np.int64) % 12
    rolled = (at_us != MISSING) & (((in_year == 2) & (day < 3)) | (np.isin(in_year, (4, 6, 9, 11)) & (day == 0)))
    for row in np.flatnonzero(rolled).tolist():
        if not _is_day(text[row].as_py(), form):
            at_us[row] = MISSING
    return at_us


def _is_day(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)  # noqa: DTZ007 - of the clock on the wall
    except ValueError:
        return False
    return True
