"""Requests that a machine makes up from the OpenAPI document, meant and not meant: none is answered with a 5xx."""

from __future__ import annotations

import warnings
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode

from gridsvc.api.app import create_app
from tests.worlds.district import open_toy, report, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gridsvc.db.cluster.embedded import EmbeddedCluster

SEED = 20261124


@pytest.fixture(scope="module")
def client(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with scratch_database(cluster) as url:
        service = open_toy(url, tmp_path_factory.mktemp("toy"))
        for _ in range(3):
            report(service)
        with TestClient(create_app(service, sign_in=False), base_url="http://localhost",
                        raise_server_exceptions=False) as client:  # fmt: skip
            yield client
        service.database.close()


def send_made_up_requests(client: TestClient, requests: int) -> Counter[int]:
    """Send about so many requests over all operations; return the answers by status."""
    schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    every: Iterable[Any] = schema.get_all_operations()
    operations = [result.ok() for result in every]
    each = max(1, requests // (2 * len(operations)))
    answers: Counter[int] = Counter()
    broken: list[str] = []
    for operation in operations:
        for mode in GenerationMode:
            try:
                answers += _send(client, operation, mode, each)
            except AssertionError as error:
                broken.append(str(error).split("\n")[0])
    assert not broken, "\n".join(broken)
    return answers


def _send(client: TestClient, operation: Any, mode: GenerationMode, count: int) -> Counter[int]:
    answers: Counter[int] = Counter()

    @seed(SEED)
    @settings(max_examples=count, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        told = case.as_transport_kwargs(base_url="http://localhost")
        content = told.get("data")
        got = client.request(
            told["method"], told["url"], headers=dict(told.get("headers") or {}), params=told.get("params"),
            cookies=None, content=content if isinstance(content, (bytes, str)) else None,
            json=told.get("json") if content is None else None,
        )  # fmt: skip
        answers[got.status_code] += 1
        assert got.status_code < 500, f"{told['method']} {told['url']}: {got.status_code} {got.text[:300]}"
        if got.status_code >= 400:
            assert got.headers["content-type"].startswith("application/problem+json")
            assert got.json()["detail"]

    with warnings.catch_warnings(), suppress(schemathesis.errors.SchemathesisError, Unsatisfiable):
        warnings.simplefilter("ignore")
        ask()  # of an operation without parameters nothing can be made up that is not meant
    return answers


@pytest.mark.timeout(600)
def test_a_thousand_made_up_requests(client: TestClient) -> None:
    answers = send_made_up_requests(client, 1000)
    assert sum(answers.values()) > 600, answers


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_ten_thousand_made_up_requests(client: TestClient) -> None:
    answers = send_made_up_requests(client, 14_000)
    assert sum(answers.values()) >= 10_000, answers
