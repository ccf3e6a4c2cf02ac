"""Tests of `compiler.speed`."""
