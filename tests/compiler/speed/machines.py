"""A machine with round numbers."""

import math

from compiler.speed.machine import Level, MeasuredMachine

MACHINE = MeasuredMachine(
    processor="round numbers",
    measured_by="llvm",
    threads=1,
    vector_bits=512,
    levels=(
        Level("L1", 1000, 64e9, 64e9, 128e9, 128e9),
        Level("L2", 10_000, 32e9, 32e9, 64e9, 64e9),
        Level("L3", 100_000, 16e9, 16e9, 24e9, 24e9),
        Level("memory", math.inf, 8e9, 4e9, 8e9, 4e9),
    ),
    flops32=32e9,
    flops64=16e9,
    vectors=1e9,
    scalars=4e9,
    divisions32=1e9,
    divisions64=5e8,
    exponentials=1e9,
    picks=1e9,
    latency=3e-9,
    launch=1e-8,
    handing=1e-6,
)
"""A vector instruction, load or store takes a nanosecond, a scalar instruction a quarter of one."""
