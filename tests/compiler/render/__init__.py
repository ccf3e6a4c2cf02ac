"""Tests of `compiler.render`."""
