"""Tests of `compiler.backends`."""
