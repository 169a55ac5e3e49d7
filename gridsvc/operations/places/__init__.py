"""Where a place is and whose."""
