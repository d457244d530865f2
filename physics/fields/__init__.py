"""Full-order fields of a cell on structured finite volumes: heat, potential, transport."""
