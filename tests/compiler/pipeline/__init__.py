"""Tests of `compiler.pipeline`."""
