"""Places and their owners."""
