"""Grids: four nested levels of enforcement grids, whose a place is, and what is wrong with a boundary file."""
