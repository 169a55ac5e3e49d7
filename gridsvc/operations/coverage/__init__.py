"""Coverage: where teams should stand, who is covered now, and what a dispatch costs."""
