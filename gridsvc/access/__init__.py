"""Roles, rights and scopes."""
