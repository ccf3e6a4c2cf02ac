"""Networks as people write them in PyTorch, ported and tracked beside the original."""
