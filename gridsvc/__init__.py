"""gridsvc: geospatial command of law enforcement and emergencies."""

__version__ = "0.1.0"
