"""Exports of dispatch systems (CAD): one row for each unit on a call, read by a map of their columns."""
