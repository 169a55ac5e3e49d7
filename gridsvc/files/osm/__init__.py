"""OpenStreetMap files: places, levels and the model of a real place."""
