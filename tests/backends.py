"""The backends that run here: what holds on one is tested on all.

Where there is no C compiler, `c` is left out, and a test in `tests/compiler/backends/c` is skipped.
"""

from compiler.backends.c.backend import C

HAS_C = C().is_available
"""Whether there is a C compiler."""

NATIVE = ("llvm", "c") if HAS_C else ("llvm",)
FAST = ("numpy", *NATIVE)
ALL = ("reference", *FAST)
