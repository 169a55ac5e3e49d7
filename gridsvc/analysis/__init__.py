"""For analysts: ownership, travel times and service areas over GeoDataFrames. No server and no database."""
