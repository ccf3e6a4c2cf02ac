"""The native backend: kernels as LLVM IR, compiled by llvmlite, run as one native call per program."""
