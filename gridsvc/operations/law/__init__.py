"""Catalogue, response plans and clocks in force."""
