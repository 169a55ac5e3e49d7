"""SQL of cases, engagements, alerts and personal data."""
