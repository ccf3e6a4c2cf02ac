"""Data-parallel fitting: actors that hold a compiled step, and a client that owns what it changes."""
