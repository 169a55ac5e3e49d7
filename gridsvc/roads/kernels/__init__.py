"""Compiled loops of the road engine; only `roads` imports them."""
