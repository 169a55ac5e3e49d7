"""Service areas of teams: drawing, storing, exporting."""
