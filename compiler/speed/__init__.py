"""How fast a machine is, measured, and what follows from that for kernels of loops."""
