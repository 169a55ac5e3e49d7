"""Verification, replay, rebuild and erasure."""
