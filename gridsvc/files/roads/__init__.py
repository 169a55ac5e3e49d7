"""Files of roads."""
