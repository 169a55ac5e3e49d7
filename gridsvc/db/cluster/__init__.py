"""The embedded PostGIS cluster, backup and restore."""
