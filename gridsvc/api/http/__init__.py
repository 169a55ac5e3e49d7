"""What every request passes: limits, sign-in, idempotency, refusals, metrics."""
