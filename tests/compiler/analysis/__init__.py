"""Tests of `compiler.analysis`."""
