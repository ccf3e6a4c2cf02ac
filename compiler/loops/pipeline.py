"""The tricks in their order: each maps a kernel to a kernel that computes the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from compiler.loops.dots import dot
from compiler.loops.hoisting import hoist
from compiler.loops.keeping import keep_rows
from compiler.loops.language import Kernel
from compiler.loops.machine import Machine
from compiler.loops.splitting import split
from compiler.loops.tiling import product_of, tile
from compiler.loops.vectors import across, vectorise
from compiler.loops.walking import vector_elements

Pass: TypeAlias = Callable[[Kernel, Machine], Kernel]


def _keep(kernel: Kernel, machine: Machine) -> Kernel:
    return kernel if _is_across(kernel, machine) else keep_rows(kernel)


def _split(kernel: Kernel, machine: Machine) -> Kernel:
    return kernel if product_of(kernel) or _is_across(kernel, machine) else split(kernel)


def _is_across(kernel: Kernel, machine: Machine) -> bool:
    return across(kernel.body, vector_elements(kernel.body, machine.vector_bytes)) is not None


def _vectorise(kernel: Kernel, machine: Machine) -> Kernel:
    found = product_of(kernel)
    if found is not None:
        return dot(kernel, found, machine) if found.is_dot_of_rows else tile(kernel, found, machine)
    return vectorise(kernel, vector_elements(kernel.body, machine.vector_bytes))


PASSES: Sequence[tuple[str, Pass]] = (
    ("keep", _keep),
    ("split", _split),
    ("vectorise", _vectorise),
    ("hoist", lambda kernel, machine: hoist(kernel)),
)
"""What is done to a kernel whose numbers are arguments, before its atoms are lowered."""


def write(kernel: Kernel, machine: Machine) -> Kernel:
    """The kernel after all tricks."""
    for _, trick in PASSES:
        kernel = trick(kernel, machine)
    return kernel
