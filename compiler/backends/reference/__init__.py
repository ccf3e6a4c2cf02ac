"""The `reference` backend, the oracle: what every other backend is compared with."""

from compiler.backends.reference.interpreter import (
    Interpreter,
    Reference,
    call,
    compute,
    highest,
    lowest,
    over_loops,
    run,
    write_call,
)  # fmt: skip

__all__ = [
    "Interpreter",
    "Reference",
    "call",
    "compute",
    "highest",
    "lowest",
    "over_loops",
    "run",
    "write_call",
]
