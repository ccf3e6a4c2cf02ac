"""From lowered kernels to LLVM IR: a fold over the statements, and the words of builders that it uses."""
