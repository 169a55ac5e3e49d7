"""Jobs, scheduled changes, backup and retention."""
