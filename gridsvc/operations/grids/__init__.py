"""Generations of boundaries: import, check, activate."""
