"""Each migration builds on one other, and all are one chain."""

from __future__ import annotations

from gridsvc.db.schema.revision import CHAIN, HEAD, SCRIPTS


def test_all_migrations_are_one_chain() -> None:
    scripts = {script.name[:4] for script in (SCRIPTS / "versions").glob("[0-9]*.py")}
    assert set(CHAIN) == scripts
    assert len(CHAIN) == len(scripts)
    assert (CHAIN[0], CHAIN[-1]) == ("0001", HEAD)
