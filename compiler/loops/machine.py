"""What a kernel needs to know of the machine that it is written for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine by what decides how kernels are written; no name of a processor, and no LLVM.

    `vector_bytes` are those of the widest vector register worth using (64, 32 or 16). `has_fma`: a fused
    multiply-add is one instruction; results depend on it. `has_mask_registers`: masks have registers of their
    own, a bit a lane. `has_masked_memory`: masked loads and stores are instructions. `scales`: AVX-512's
    instructions that scale by a power of two and take exponents apart; results do not depend on them.
    `saturates`: a conversion to integers takes numbers out of range to the nearest there is, and NaN to 0.
    `converts_halves`: instructions convert float16 to float32 and back; results do not depend on them.
    `adds_where_it_converts`: additions wait for conversions, and fused multiply-adds run beside both; vectors
    of 64 bytes are computed in two halves.
    """

    vector_bytes: int
    vector_registers: int
    has_fma: bool
    has_mask_registers: bool
    has_masked_memory: bool
    scales: bool
    saturates: bool
    converts_halves: bool
    adds_where_it_converts: bool = False
