"""The report of a plan or a what-if: one page with its maps, curve and tables."""
