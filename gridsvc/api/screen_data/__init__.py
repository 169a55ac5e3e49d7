"""What the command screen loads: its pages, its names and its tiles."""
