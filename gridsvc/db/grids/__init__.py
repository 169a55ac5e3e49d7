"""SQL of generations, districts and addresses."""
