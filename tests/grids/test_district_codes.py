"""The code of a new district: a typing error is refused before it makes one."""

from __future__ import annotations

import pytest

from gridsvc.errors import InvalidInput
from gridsvc.grids.district_codes import check_new_code


@pytest.mark.parametrize("code", ["33070", "3307033", "33O703", "330703x", "030703"])
def test_what_looks_like_a_code_of_six_digits_must_be_one(code: str) -> None:
    with pytest.raises(InvalidInput, match="six digits") as refused:
        check_new_code(code, ["330703", "330702"])
    assert refused.value.parameters["known"] == ["330702", "330703"]
    check_new_code(code, [])  # nothing is loaded that it could be a mistake of


@pytest.mark.parametrize("code", ["", " 330703", "330703 ", "330/703", "x" * 41, "-x"])
def test_a_code_has_letters_and_digits(code: str) -> None:
    with pytest.raises(InvalidInput, match="no code of a district"):
        check_new_code(code, [])


def test_a_neighbour_and_a_name_are_taken() -> None:
    for code in ("330704", "liechtenstein", "金东"):
        check_new_code(code, ["330703"])
    check_new_code("LI-9490", ["330703", "toy"])
