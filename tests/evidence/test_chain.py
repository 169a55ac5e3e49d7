"""Canonical text against the rfc8785 library, the chain by hand, and columns that must say what the text says."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from gridsvc.evidence import chain

EVENT = UUID("01a20c85-95e1-7e22-969f-63cda45f0508")
CASE = UUID("01a20c85-95e1-7e22-969f-000000000001")
AT = datetime(2026, 3, 4, 5, 6, 7, 80900, tzinfo=UTC)

numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=30,
)


@given(values)
def test_canonical_text_is_that_of_rfc_8785(value: Any) -> None:
    assert chain.canonical(value) == rfc8785.dumps(value).decode()


# Beyond 2^53 a float is written as an integer that JSON may not have.
modest = st.recursive(
    st.none() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e15, 1e15) | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
)


@given(modest)
def test_canonical_text_reads_back_and_is_its_own_canonical_text(value: Any) -> None:
    text = chain.canonical(chain.whole(value))
    assert chain.canonical(chain.whole(json.loads(text))) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, "多湖"]}, '{"a":[true,null,"多湖"],"b":1}'),
        (1e21, "1e+21"),
        (0.00001, "0.00001"),
        (1e-7, "1e-7"),
        (-0.0, "0"),
        (60.0, "60"),
        ('\u2028\x07\\"/', '"\u2028\\u0007\\\\\\"/"'),
        ({"\U0001f600": 1, "\ufb33": 2}, '{"\U0001f600":1,"\ufb33":2}'),  # by UTF-16 code units
    ],
)
def test_canonical_texts_that_others_get_wrong(value: Any, text: str) -> None:
    assert chain.canonical(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, [-(2**60)]])
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(rfc8785.CanonicalizationError):
        chain.canonical(value)


def event(**changed: Any) -> Any:
    facts: dict[str, Any] = {
        "district": "330703", "event_id": EVENT, "incident_id": CASE, "kind": "accept", "actor": 'a "b"', "at": AT,
        "client_at": None, "data": {"at": "2020-01-01T00:00:00+00:00", "kind": "x"},
    } | changed  # fmt: skip
    return chain.event_text(**facts)


def columns(**changed: Any) -> Any:
    return {"district": "330703", "event_id": EVENT, "incident_id": CASE, "kind": "accept", "at": AT} | changed


def test_a_seal_by_hand() -> None:
    text = event()
    assert (
        chain.seal(chain.GENESIS, 1, text) == hashlib.sha256(bytes(32) + b"\0\0\0\0\0\0\0\1" + text.encode()).digest()
    )
    assert chain.seal(chain.GENESIS, 1, text.encode()) == chain.seal(chain.GENESIS, 1, text)
    assert chain.seal(chain.GENESIS, 2, text) != chain.seal(chain.GENESIS, 1, text)


def test_columns_that_say_what_the_text_says_agree() -> None:
    assert chain.columns_agree(event().encode(), **columns())
    assert chain.columns_agree(event(incident_id=None).encode(), **columns(incident_id=None))
    assert chain.columns_agree(event(client_at=AT, actor="x" * 900).encode(), **columns())


def test_a_time_agrees_in_any_zone() -> None:
    china = AT.astimezone(timezone(timedelta(hours=8)))
    assert chain.columns_agree(event(at=china).encode(), **columns())


@pytest.mark.parametrize(
    "changed",
    [
        {"district": "330702"},
        {"event_id": CASE},
        {"incident_id": EVENT},
        {"incident_id": None},
        {"kind": "archive"},
        {"at": AT + timedelta(microseconds=1)},
        {"at": datetime(2020, 1, 1, tzinfo=UTC)},
    ],
    ids=str,
)
def test_a_column_that_says_other_than_the_text_is_seen(changed: Any) -> None:
    assert not chain.columns_agree(event().encode(), **columns(**changed))
