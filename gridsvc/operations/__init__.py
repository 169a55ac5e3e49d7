"""One function per job of the service: read, decide, write."""
