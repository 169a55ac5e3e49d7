"""Travel times and routes on a network with weights."""
