"""The private PostGIS cluster that gridsvc keeps for itself, one in each data folder.

Unix socket only. The server outlives the process that started it; `ensure` brings it back after a crash.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

DATABASE = "gridsvc"
ROLES = {
    "superuser": "postgres",
    "owner": "gridsvc_owner",
    "app": "gridsvc_app",
    "viewer": "gridsvc_viewer",
}
"""What a role is for -> its name in the database. Only `owner` may migrate; `app` owns nothing."""


class EmbeddedCluster:
    """The cluster in `folder / "postgres"`, where `folder` is the data folder of a service (GRIDSVC_DATA).

    `report` is called with one line of text for every step that takes more than a moment.
    """

    def __init__(self, folder: Path, *, report: Callable[[str], None] | None = None) -> None:
        self.folder = Path(folder).absolute()
        self._report = report or (lambda _line: None)

    def ensure(self) -> None:
        """Have the cluster up, with its database, roles and PostGIS; create and start what is missing.

        Idempotent, and a matter of a millisecond where the cluster is up. Raises Refusal or Unavailable.
        """
        raise NotImplementedError

    def stop(self) -> None:
        """Stop the server, if it runs, and wait until it is gone. Open connections are closed."""
        raise NotImplementedError

    def running(self) -> bool:
        """Whether the server is up and takes connections."""
        raise NotImplementedError

    def url(self, role: str = "app") -> str:
        """SQLAlchemy URL of the database for `role`: one of ROLES."""
        if role not in ROLES:
            raise InvalidInput(f"There is no database role {role!r}; use one of {', '.join(ROLES)}.")
        return f"postgresql+psycopg://{ROLES[role]}@/{DATABASE}?host={quote(str(self._socket_folder()), safe='/')}"

    def _socket_folder(self) -> Path:
        return self.folder / "postgres" / "socket"
