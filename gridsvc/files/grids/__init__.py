"""Files of boundaries."""
