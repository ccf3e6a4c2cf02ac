"""The speed of this machine, measured by kernels of loops."""
