"""Tests of `compiler.autodiff`."""
