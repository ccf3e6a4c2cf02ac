"""Sweeps: many runs of one training, each with other hyperparameters."""
