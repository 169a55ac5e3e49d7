"""What a gazetteer is made of: roads, stations and names learned from cases; and its version."""
