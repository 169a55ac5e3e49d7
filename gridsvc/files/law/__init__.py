"""Files of the catalogue, of response plans and of the working calendar."""
