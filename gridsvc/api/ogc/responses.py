"""How answers of /ogc are sent: a weak ETag of their bytes, 304, and gzip."""

from __future__ import annotations

import gzip
import json
from hashlib import blake2b
from typing import TYPE_CHECKING

from fastapi import Response

if TYPE_CHECKING:
    from fastapi import Request

    from gridsvc.json_types import Json

GEOJSON = "application/geo+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
_GZIP_FROM_BYTES = 1000
_LEVEL = 3  # of 20 MB of coordinates: three times as fast as 6, for a tenth more bytes


def send(request: Request, body: str | Json, media_type: str = "application/json") -> Response:
    """Return an answer, or 304 where the client has it; `body` is a JSON value, or the text of one.

    It is made for each request, so that its ETag is that of its content.
    """
    content = (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)).encode()
    etag = f'W/"{blake2b(content, digest_size=12).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    known = request.headers.get("if-none-match")
    if known is not None and (known.strip() == "*" or etag in [word.strip() for word in known.split(",")]):
        return Response(status_code=304, headers=headers)
    if len(content) >= _GZIP_FROM_BYTES and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        content = gzip.compress(content, _LEVEL, mtime=0)
    return Response(content, media_type=media_type, headers=headers)
