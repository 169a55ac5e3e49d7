"""An outside geocoder: recorded answers, a host that fails, and how far its answers are trusted."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest

from gridsvc.coordinates import Datum, from_wgs84
from gridsvc.errors import InvalidInput
from gridsvc.operations.places import outside_geocoder as outside
from gridsvc.operations.places.found import Found
from gridsvc.operations.runtime.service import OutsideGeocoder
from gridsvc.places.model import Candidate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.operations.runtime.service import Service

TEXT = "孝顺镇站前路12号"
# The shapes that the two hosts document; places and names are made up.
TIANDITU = {
    "msg": "ok", "status": "0", "searchVersion": "6.4.9V",
    "location": {"score": 96, "level": "门址", "lon": "119.6101", "lat": "29.1002", "keyWord": TEXT},
}  # fmt: skip
NOMINATIM = [
    {
        "place_id": 1, "licence": "ODbL", "osm_type": "way", "osm_id": 2, "lat": "29.1002", "lon": "119.6101",
        "category": "highway", "type": "residential", "place_rank": 26, "importance": 0.0533, "addresstype": "road",
        "name": "站前路", "display_name": "站前路, 孝顺镇, 金东区, 金华市, 浙江省, 中国",
        "boundingbox": ["29.0990", "29.1010", "119.6080", "119.6120"],
    },
    {"lat": "29.3", "lon": "120.1", "importance": 0.01, "addresstype": "village", "name": "站前村"},
]  # fmt: skip


def test_an_answer_of_tianditu_is_in_cgcs2000() -> None:
    (found,) = outside.read_answer("tianditu", json.dumps(TIANDITU).encode())
    assert (found.name, found.level, found.radius_m, found.score) == (TEXT, "house", 50.0, 0.96)
    assert from_wgs84(found.lon, found.lat, Datum.CGCS2000) == pytest.approx((119.6101, 29.1002), abs=1e-9)


def test_an_answer_of_nominatim_reaches_as_far_as_its_box() -> None:
    road, village = outside.read_answer("nominatim", json.dumps(NOMINATIM).encode())
    assert (road.level, village.level) == ("road", "village")
    # Half the diagonal of 222 m by 389 m.
    assert road.radius_m == pytest.approx(224, abs=2)


@pytest.mark.parametrize("body", [{"status": "101", "msg": "no result"}, {"status": "0", "location": None}])
def test_nothing_found_is_no_place(body: dict[str, Any]) -> None:
    assert outside.read_answer("tianditu", json.dumps(body).encode()) == []


@pytest.mark.parametrize(
    ("format_", "body"),
    [
        ("tianditu", b""), ("tianditu", b"<html>"), ("tianditu", b"[]"), ("tianditu", b"null"),
        ("tianditu", b'{"status": "404"}'), ("tianditu", b'{"status": "0", "location": {"lon": "x", "lat": 1}}'),
        ("tianditu", b'{"status": "0", "location": {"lon": 1e999, "lat": 1}}'),
        ("nominatim", b"{}"), ("nominatim", b"7"), ("nominatim", b'[{"lat": "91", "lon": "1"}]'),
        ("nominatim", b'[{"lat": "1", "lon": "1", "boundingbox": [1, 2]}]'),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_recognised(format_: str, body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        outside.read_answer(format_, body)


# ---------------------------------------------------------------------------------------------------------- the request


@contextmanager
def host(body: bytes, *, status: int = 200, delay_s: float = 0.0) -> Iterator[tuple[str, list[str]]]:
    """A geocoder on this machine: its address, and the paths that it was asked."""
    asked: list[str] = []
    release = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            release.wait(delay_s)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:  # the client did not wait
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/geocoder?lang=zh", asked
    finally:
        release.set()
        server.shutdown()
        server.server_close()


class Memory:
    """What `ask` uses of a service."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[float, object]] = {}

    def remember(self, _kind: str, key: str, value: object) -> None:
        self.kept[key] = (time.monotonic(), value)

    def recall(self, _kind: str) -> dict[str, tuple[float, object]]:
        return {key: (time.monotonic() - at, value) for key, (at, value) in self.kept.items()}


def ask(memory: Memory, url: str, format_: str = "tianditu", **more: Any) -> tuple[str, list[outside.OutsideAnswer]]:
    return outside.ask(cast("Service", memory), OutsideGeocoder(url, format_, **more), TEXT)


def test_tianditu_is_asked_with_key_word_and_key() -> None:
    with host(json.dumps(TIANDITU).encode()) as (url, asked):
        word, found = ask(Memory(), url, key="secret")
    assert (word, len(found)) == ("answered", 1)
    query = parse_qs(urlsplit(asked[0]).query)
    assert (json.loads(query["ds"][0]), query["tk"], query["lang"]) == ({"keyWord": TEXT}, ["secret"], ["zh"])


def test_nominatim_is_asked_for_json() -> None:
    with host(json.dumps(NOMINATIM).encode()) as (url, asked):
        word, found = ask(Memory(), url, "nominatim")
    assert (word, len(found)) == ("answered", 2)
    query = parse_qs(urlsplit(asked[0]).query)
    assert (query["q"], query["format"]) == ([TEXT], ["jsonv2"])


def test_a_host_that_does_not_answer_in_time_is_left_alone_for_a_while() -> None:
    memory = Memory()
    with host(b"{}", delay_s=30) as (url, asked):
        assert ask(memory, url, timeout_s=0.1) == ("unreachable", [])
        assert ask(memory, url, timeout_s=0.1) == ("resting", [])
    assert len(asked) == 1


@pytest.mark.parametrize(("body", "status", "word"), [(b"no", 403, "refused"), (b"no", 200, "unreadable")])
def test_a_host_that_refuses_or_answers_otherwise_gives_no_place(body: bytes, status: int, word: str) -> None:
    with host(body, status=status) as (url, _):
        assert ask(Memory(), url) == (word, [])


@pytest.mark.parametrize(
    ("url", "format_"),
    [("http://geo.example/x", "tianditu"), ("ftp://127.0.0.1/", "nominatim"), ("https://geo.example/ x", "tianditu"),
     ("https://geo.example/", "google")],
)  # fmt: skip
def test_a_setting_that_cannot_be_used_is_refused(url: str, format_: str) -> None:
    with pytest.raises(InvalidInput, match="GRIDSVC_GEOCODER"):
        outside.check_setting(url, format_)


# ---------------------------------------------------------------------------------------------------------------- trust


def found(confidence: float, township: str = "孝顺镇", *, radius_m: float = 3000.0, level: str = "township") -> Found:
    return Found("330703", Candidate(119.61, 29.10, radius_m, confidence, level, level, township, None))


def outer(score: float, township: str = "孝顺镇", *, level: str = "house", lon: float = 119.611) -> Found:
    return Found("330703", Candidate(lon, 29.10, 50.0, score, level, level, township, None))


def best(local: list[Found], answers: list[Found]) -> SimpleNamespace:
    combined = outside.combine(local, answers, local)
    first = max(combined, key=lambda each: each.candidate.confidence).candidate
    return SimpleNamespace(level=first.level, confidence=first.confidence, radius_m=first.radius_m)


def test_where_both_agree_the_finer_place_may_be_acted_on() -> None:
    agreed = best([found(0.7)], [outer(0.96)])
    assert (agreed.level, agreed.radius_m, agreed.confidence) == ("house", 50.0, 0.85)


@pytest.mark.parametrize(
    ("local", "answer"),
    [
        ([], outer(1.0)),  # the gazetteer knows nothing of it
        ([found(0.7)], outer(1.0, "傅村镇")),  # another township
        ([found(0.7)], outer(0.5)),  # not sure itself
        ([found(0.7)], outer(1.0, level="road")),  # nothing fine
        ([found(0.7, radius_m=100.0)], outer(1.0, lon=119.64)),  # 3 km from it
        ([found(0.45), found(0.45, "傅村镇")], outer(1.0)),  # the text means two townships alike
    ],
)
def test_an_outside_answer_alone_is_never_acted_on(local: list[Found], answer: Found) -> None:
    assert best(local, [answer]).confidence < 0.8
