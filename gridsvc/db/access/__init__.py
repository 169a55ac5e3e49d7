"""SQL of keys, sessions and viewers."""
