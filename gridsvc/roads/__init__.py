"""Roads: the network as arrays, snapping onto it and searching through it."""
