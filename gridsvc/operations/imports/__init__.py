"""Imports that load several nouns at once."""
