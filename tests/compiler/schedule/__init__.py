"""Tests of `compiler.schedule`."""
