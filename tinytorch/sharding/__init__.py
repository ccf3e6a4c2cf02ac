"""A training step in shards: the same sums of gradients, in one process or in many."""
