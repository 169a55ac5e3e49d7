"""The chain of events: canonical bytes, hashes, anchors."""
