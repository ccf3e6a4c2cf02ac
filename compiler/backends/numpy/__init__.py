"""The `numpy` backend: plans as straight-line NumPy calls with `out=`, fused kernels tile by tile."""
