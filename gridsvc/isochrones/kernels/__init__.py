"""Compiled loops of the service areas; only `isochrones` imports them."""
