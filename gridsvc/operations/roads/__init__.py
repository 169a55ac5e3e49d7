"""Networks, closures, calibration and travel times."""
