"""The road network: building it, its turns, speeds and geometry."""
