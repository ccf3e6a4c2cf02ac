"""Laws that must hold for every random graph, pass order and backend."""
