"""The generated world of the demo: geometry, streets, villages, crews, history. Seeded."""
