"""The pages of the documentation: their blocks, what the code says in them, and the site."""
