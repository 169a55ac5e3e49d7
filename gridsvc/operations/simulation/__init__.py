"""A district's fleet at work: today's posts against those of a plan, and against what was recorded."""
