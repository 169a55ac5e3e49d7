"""Tests of the service object and of what a process holds of a district."""
