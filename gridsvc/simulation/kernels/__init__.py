"""Compiled loop of the simulation; only `simulation` imports it."""
