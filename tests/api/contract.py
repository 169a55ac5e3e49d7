"""Holds real answers against /openapi.json: the status is declared, the body has the declared shape and no more."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

import jsonschema_rs
from starlette.testclient import TestClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    from fastapi import FastAPI


class Contract:
    """What an application declares of its answers.

    `answered` collects the routes, (method, path), whose success was held against their shape.
    """

    def __init__(self, app: FastAPI) -> None:
        self.document = app.openapi()
        closed = _closed(copy.deepcopy(self.document["components"]))
        self._components = closed
        self._paths = [
            (re.compile(re.sub(r"\\\{[^/]*?\\\}", "[^/]+", re.escape(path)) + r"\Z"), path)
            for path in sorted(self.document["paths"], key=lambda path: path.count("{"))
        ]
        self._validators: dict[str, Any] = {}
        self.answered: set[tuple[str, str]] = set()

    def routes(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield method, path and operation of every route."""
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                yield method.upper(), path, operation

    def hold(self, response: httpx.Response) -> None:
        """Fail where an answer is not as declared; pages and addresses that the document does not have are skipped."""
        method, address = response.request.method, response.request.url.path
        path = next((path for pattern, path in self._paths if pattern.match(address)), None)
        operation = None if path is None else self.document["paths"][path].get(method.lower())
        if operation is None:
            return
        response.read()
        said = f"{method} {path}: {response.status_code} {response.text[:300]}"
        declared = operation["responses"].get(str(response.status_code))
        assert declared is not None, f"{said}\n is not declared"
        if "$ref" in declared:
            declared = self.document["components"]["responses"][declared["$ref"].rsplit("/", 1)[-1]]
        content = declared.get("content", {})
        media_type = response.headers.get("content-type", "").split(";")[0]
        assert media_type in content if content else not response.content, said
        if media_type.endswith(("/json", "+json")):
            wrong = list(self.errors(content[media_type]["schema"], json.loads(response.content)))
            assert not wrong, f"{said}\n{wrong[:5]}"
        if response.is_success and path is not None:
            self.answered.add((method, path))

    def errors(self, schema: dict[str, Any], value: Any) -> Iterator[str]:
        """Yield where a value does not have a shape, further members included."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            whole = _closed(copy.deepcopy(schema)) | {"components": self._components}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        for error in self._validators[key].iter_errors(value):
            yield f"{'.'.join(map(str, error.instance_path))}: {error.message[:200]}"


class CheckedClient(TestClient):
    """A client whose every answer is held against the contract of its application."""

    def __init__(self, app: FastAPI, **more: Any) -> None:
        super().__init__(app, **more)
        self.contract: Contract = getattr(app.state, "contract", None) or Contract(app)
        app.state.contract = self.contract

    def send(self, *given: Any, **named: Any) -> httpx.Response:
        """Send a request, and check what comes back."""
        response = super().send(*given, **named)
        self.contract.hold(response)
        found: httpx.Response = response
        return found


def _closed(schema: Any) -> Any:
    """Forbid members that a shape does not name."""
    if isinstance(schema, dict):
        if "properties" in schema and "additionalProperties" not in schema:
            schema["additionalProperties"] = False
        for each in schema.values():
            _closed(each)
    elif isinstance(schema, list):
        for each in schema:
            _closed(each)
    return schema
