"""From lowered kernels to GNU C, the second fold over the statements, and to object code by gcc or clang."""
