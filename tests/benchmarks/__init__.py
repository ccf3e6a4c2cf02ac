"""Step times against hand-written NumPy and whichever peers are installed. Nothing here asserts a time.

`python -m tests.benchmarks` prints a table of ratios; each system runs in a process of its own, rounds
interleaved.
"""
