"""Every version of law, rosters and calibrations, whole and by digest, so that a replay finds it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from gridsvc.db.evidence import row_digests
from gridsvc.db.schema.tables import document
from gridsvc.errors import NotFound

if TYPE_CHECKING:
    from sqlalchemy import Connection


def put_document(connection: Connection, district: str, kind: str, content: str, *, source: str = "") -> str:
    """Keep one version (canonical JSON text) and return its digest; the same text again changes nothing."""
    digest = hashlib.sha256(content.encode()).hexdigest()
    row = {"district": district, "kind": kind, "digest": digest, "content": content, "source": source}
    if connection.execute(insert(document).values(row).on_conflict_do_nothing()).rowcount:
        row_digests.mark(connection, "document", district, kind, digest)
    return digest


def get_document(connection: Connection, district: str, kind: str, digest: str) -> str:
    """Return the text of one version; NotFound when it was never stored."""
    query = select(document.c.content).where(
        document.c.district == district, document.c.kind == kind, document.c.digest == digest
    )
    content: str | None = connection.scalar(query)
    if content is None:
        raise NotFound(
            f"No {kind} {digest[:12]} in district {district}. Load it again.",
            kind="no-document",
            document=kind,
            digest=digest[:12],
            district=district,
        )
    return content
