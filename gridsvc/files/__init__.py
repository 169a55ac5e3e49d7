"""The only package that opens geodata files; it turns them into the domain's plain values."""
