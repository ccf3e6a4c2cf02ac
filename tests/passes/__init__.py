"""Tests of the optimisations, one file for each pass."""
