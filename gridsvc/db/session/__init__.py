"""Connections, transactions, the version vector, ids and idempotency keys."""
