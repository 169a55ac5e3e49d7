"""Files of addresses and places."""
