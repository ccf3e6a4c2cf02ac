"""The optimisations, one in a file, none importing another."""
