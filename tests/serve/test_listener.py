"""What is refused before a service starts: no sign-in beyond this machine, a wrong certificate, a port in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gridsvc.errors import InvalidInput, NotAllowed, Refusal
from gridsvc.serve import listener
from gridsvc.serve.listener import Listener, refuse_open_service
from tests.worlds.certificate import make_certificate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org"])
def test_no_sign_in_is_refused_beyond_this_machine(host: Any) -> None:
    with pytest.raises(NotAllowed, match="GRIDSVC_AUTH=off"):
        refuse_open_service(host, "off")
    refuse_open_service(host, "required")
    assert Listener(host, 1).is_plain
    assert not Listener(host, 1, proxies="10.0.0.1").is_plain


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_no_sign_in_is_allowed_on_this_machine(host: Any) -> None:
    refuse_open_service(host, "off")
    assert not Listener(host, 1).is_plain


def test_a_certificate_and_a_key_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    Listener("0.0.0.0", 1, cert, key).check_certificate()
    assert not Listener("0.0.0.0", 1, cert, key).is_plain
    for pair in ((cert, cert), (tmp_path / "missing", key)):
        with pytest.raises(InvalidInput, match="not a certificate and its key"):
            Listener("0.0.0.0", 1, *pair).check_certificate()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_in_use_is_refused_with_the_cure(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "_PORT_TIMEOUT_S", 0.2)
    with Listener(host, 0).open_socket() as other:
        port = other.getsockname()[1]
        with pytest.raises(Refusal, match="Choose another with --port"):
            Listener(host, port).check_port()
    Listener(host, port).check_port()


def test_the_url_of_an_ipv6_address_has_brackets(tmp_path: Path) -> None:
    assert Listener("::1", 80).url == "http://[::1]:80/"
    assert Listener("localhost", 443, tmp_path, tmp_path).url == "https://localhost:443/"
