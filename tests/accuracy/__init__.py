"""How exact every activation and its slope are, measured beside PyTorch.

`python -m tests.accuracy` writes `compiler/backends/ACCURACY.md`.
"""
