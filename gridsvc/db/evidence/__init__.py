"""SQL of events, seals, artifacts and law documents."""
