"""Callers, keys and sessions."""
