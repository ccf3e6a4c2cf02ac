"""Timings; nothing here asserts a time."""
