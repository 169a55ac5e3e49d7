"""Response-time compliance: read, decide, write."""
