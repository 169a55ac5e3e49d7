"""The service object, its settings in force, idempotency, warm-up, diagnosis."""
