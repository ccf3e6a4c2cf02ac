"""The tests: a mirror of the three packages, and goldens, properties, contracts and benchmarks beside it."""
