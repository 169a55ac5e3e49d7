"""The only package that speaks HTTP."""
