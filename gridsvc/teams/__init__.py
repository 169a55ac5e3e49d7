"""Teams: what they can do, when they are on duty, what they are doing now."""
