"""Addresses of one server or of several, as SQLAlchemy and as libpq write them."""

from __future__ import annotations

import pytest

from gridsvc.db.session.urls import is_of_several, plain_url, read_url
from gridsvc.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("postgresql://li:p%40ss@a:5433,b/grid", ("a,b", "5433,5432")),
        ("postgresql+psycopg://li:p%40ss@a:5433,b:5432/grid?sslmode=require", ("a,b", "5433,5432")),
        ("postgresql://li:p%40ss@/grid?host=a,b&port=5433,5432", ("a,b", "5433,5432")),
    ],
)
def test_several_servers_are_read_in_each_form(text: str, hosts: tuple[str, str]) -> None:
    url = read_url(text)
    assert (url.drivername, url.username, url.password, url.database) == ("postgresql+psycopg", "li", "p@ss", "grid")
    assert (url.query["host"], url.query["port"]) == hosts
    assert url.query["target_session_attrs"] == "read-write"
    assert ("sslmode" in url.query) == ("sslmode" in text)
    assert plain_url(text).startswith("postgresql://li:p%40ss@/grid?host=a%2Cb&port=5433%2C5432")


def test_the_session_that_was_asked_for_stays() -> None:
    text = "postgresql://a,b/grid?target_session_attrs=any"
    assert read_url(text).query["target_session_attrs"] == "any"
    assert read_url("postgresql://a,b/grid", session="standby").query["target_session_attrs"] == "standby"


@pytest.mark.parametrize("text", ["postgresql://li@a:5433/grid", "postgresql+psycopg://li@/grid?host=/tmp/a"])
def test_one_server_stays_as_it_is(text: str) -> None:
    assert not is_of_several(read_url(text))
    assert "target_session_attrs" not in read_url(text).query


@pytest.mark.parametrize("text", ["", "a,b", "postgresql://a:x/grid"])
def test_what_is_no_address_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(InvalidInput, match="not usable"):
        read_url(text)
