"""SQL of jobs, due times and retention."""
