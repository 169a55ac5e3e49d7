"""Travel times fitted to recorded trips."""
