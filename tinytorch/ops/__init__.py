"""The vocabulary: what networks are written in. Each function takes and returns tensors."""
