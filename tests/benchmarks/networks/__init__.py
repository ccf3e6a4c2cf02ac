"""Training steps of networks as people write them, the same in every system."""
