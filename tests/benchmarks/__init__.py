"""Step times against hand-written NumPy and whichever peers are installed. Nothing here asserts a time.

Each system runs in a process of its own, and rounds are interleaved.

    python -m tests.benchmarks            steps of every workload, and ratios to the fastest peer
    python -m tests.benchmarks.startup    from process start to the first result, imports, memory
    python -m tests.benchmarks.growth     how time grows with batch, width and depth, with a plot
    python -m tests.benchmarks.threads    one thread against two, kernels of growing size
"""
