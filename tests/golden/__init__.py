"""Texts and pictures that must not change by accident."""
