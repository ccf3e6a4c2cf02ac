"""Tests of `compiler.ir.formula`."""
