"""Kernels as small, explicit, typed programs of loops, which every backend may read."""
