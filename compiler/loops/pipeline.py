"""The tricks in their order: each maps a kernel to a kernel that computes the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Final, TypeAlias

from compiler.loops import (
    blocking,
    chunking,
    collapsing,
    dealing,
    dots,
    handing,
    hoisting,
    holding,
    interchange,
    jamming,
    keeping,
    lowering,
    opening,
    pairing,
    parting,
    peeling,
    repeating,
    splitting,
    tiling,
    transposing,
    unzipping,
    vectors,
    widening,
    zipping,
)
from compiler.loops.across import across
from compiler.loops.language import Kernel
from compiler.loops.machine import Machine
from compiler.loops.recognition import product_of
from compiler.loops.turns import turn_of
from compiler.loops.walking import is_vectorised, vector_elements

Pass: TypeAlias = Callable[[Kernel, Machine], Kernel]


@dataclass(frozen=True, slots=True)
class Trick:
    """A trick by its name, the file that says what it does, and what it makes of a kernel."""

    name: str
    file: ModuleType
    run: Pass

    @property
    def sentence(self) -> str:
        """What it does: the first sentence of its file."""
        return first_sentence(self.file)


def first_sentence(file: ModuleType) -> str:
    """What a file says first, without the full stop; nothing where Python was told to drop docstrings."""
    return (file.__doc__ or "").partition("\n\n")[0].replace("\n", " ").removesuffix(".")


def _keep(kernel: Kernel, machine: Machine) -> Kernel:
    return kernel if is_vectorised(kernel.body) or _is_across(kernel, machine) else keeping.keep_rows(kernel)


def _split(kernel: Kernel, machine: Machine) -> Kernel:
    is_done = is_vectorised(kernel.body) or product_of(kernel) is not None
    return kernel if is_done or _is_across(kernel, machine) else splitting.split(kernel)


def _is_across(kernel: Kernel, machine: Machine) -> bool:
    return across(kernel.body, vector_elements(kernel.body, machine.vector_bytes)) is not None


def _tile(kernel: Kernel, machine: Machine) -> Kernel:
    found = product_of(kernel)
    return kernel if found is None or found.is_dot_of_rows else tiling.tile(kernel, found, machine)


def _dot(kernel: Kernel, machine: Machine) -> Kernel:
    found = product_of(kernel)
    return dots.dot(kernel, found, machine) if found is not None and found.is_dot_of_rows else kernel


def _transpose(kernel: Kernel, machine: Machine) -> Kernel:
    turn = turn_of(kernel.body)
    if turn is None:
        return kernel
    lanes = vector_elements(kernel.body, machine.vector_bytes)
    return transposing.transpose(kernel, turn, lanes, has_masks=machine.has_mask_registers)


def _interchange(kernel: Kernel, machine: Machine) -> Kernel:
    return kernel if is_vectorised(kernel.body) else interchange.interchange(kernel, machine)


def _vectorise(kernel: Kernel, machine: Machine) -> Kernel:
    if is_vectorised(kernel.body):
        return kernel
    lanes = vector_elements(kernel.body, machine.vector_bytes)
    return vectors.vectorise(kernel, lanes, fits=True, fills=machine.has_mask_registers)


PASSES: Final[Sequence[Trick]] = (
    Trick("keep", keeping, _keep),
    Trick("split", splitting, _split),
    Trick("tile", tiling, _tile),
    Trick("dot", dots, _dot),
    Trick("transpose", transposing, _transpose),
    Trick("interchange", interchange, _interchange),
    Trick("hand", handing, lambda kernel, machine: handing.hand_on(kernel)),
    Trick("vectorise", vectors, _vectorise),
    Trick("hold", holding, lambda kernel, machine: holding.hold(kernel)),
    Trick("jam", jamming, jamming.jam),
    Trick("unzip", unzipping, unzipping.unzip),
    Trick("zip", zipping, lambda kernel, machine: zipping.zip_rows(kernel)),
    Trick("peel", peeling, peeling.peel),
    Trick("part", parting, lambda kernel, machine: parting.part(kernel)),
    Trick("pair", pairing, lambda kernel, machine: pairing.pair(kernel)),
    Trick("block", blocking, blocking.block_rows),
    Trick("open", opening, lambda kernel, machine: opening.open_loops(kernel)),
    Trick("hoist", hoisting, lambda kernel, machine: hoisting.hoist(kernel)),
)
"""What is done to a kernel whose numbers are arguments, before its atoms are lowered."""


TRICKS: Final[Sequence[tuple[str, str]]] = (
    ("collapse", first_sentence(collapsing)),
    ("deal", first_sentence(dealing)),
    ("chunk", first_sentence(chunking)),
    ("widen", first_sentence(widening)),
    ("repeat", first_sentence(repeating)),
    *((trick.name, trick.sentence) for trick in PASSES),
    ("lower", first_sentence(lowering)),
)
"""Everything that is done to a kernel, by name and sentence; its numbers become arguments behind `chunk`."""


def stages(kernel: Kernel, machine: Machine) -> Iterator[Kernel]:
    """The kernel after each trick."""
    for trick in PASSES:
        kernel = trick.run(kernel, machine)
        yield kernel


def write(kernel: Kernel, machine: Machine) -> Kernel:
    """The kernel after all tricks."""
    *_, last = stages(kernel, machine)
    return last
