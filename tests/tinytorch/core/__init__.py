"""Tests of the course's names."""
