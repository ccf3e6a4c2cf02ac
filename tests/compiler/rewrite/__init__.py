"""Tests of `compiler.rewrite`."""
