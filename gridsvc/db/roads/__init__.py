"""SQL of networks, closures, trips and service areas."""
