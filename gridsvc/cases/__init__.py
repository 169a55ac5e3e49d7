"""The case: its type, its events, its steps, its timing."""
