"""One module a system.

Each has `prepare(workload)`, which returns a function that runs one step and returns its results.
"""
