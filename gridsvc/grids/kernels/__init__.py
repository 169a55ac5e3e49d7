"""Compiled loops of the ownership index; only `grids` imports them."""
