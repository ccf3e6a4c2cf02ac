"""Nearly five hundred workloads that nobody tuned for, beside the peers that are installed.

`python -m tests.benchmarks.sweep [class ...]`. A workload is one function over the words that all systems
share (`words.py`), written once; classes of them are generated from tables of sizes (`arithmetic.py`,
`reducing.py`, `moving.py`, `networks.py`). Each system runs in a process of its own, and they take turns
(`measuring.py`).
"""
