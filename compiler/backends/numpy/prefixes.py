"""Prefix reductions, each into a given dense array, in linear work and a few kilobytes beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from compiler.backends.numpy.blocks import blocks
from compiler.backends.numpy.frame import Array
from compiler.backends.reference.prefix import UFUNCS, carried, in_order
from compiler.ir.node import Node
from compiler.ir.op import Prefix, Scan

_FEW: Final = 8
"""Up to so many rows Python's own floats, which are float64 too, are faster than arrays."""


def write_prefix(node: Node, operands: Sequence[Array], out: Array) -> None:
    """The result of a prefix reduction, into `out`, which may be the memory of an operand at the same places.

    Each element is read before it is written, and none is read again.
    """
    op = node.op
    assert isinstance(op, Prefix)
    rows = [in_order(op, array) for array in (*operands, out)]
    if out.size == 0:
        return
    if op.scan is not Scan.RECURRENCE:
        _accumulate(UFUNCS[op.scan], carried(node.type.dtype), *rows)
    elif out.size <= _FEW * rows[-1].shape[-1]:
        _recur_by_rows(*rows)
    else:
        _recur(*rows)


def _accumulate(function: Any, wide: np.dtype[Any], x: Array, out: Array) -> None:
    """Block by block: of many rows, or a piece of one, which begins with what the piece before it came to."""
    carry: Array | None = None
    for block in blocks(out.shape):
        room = x[block].astype(wide)
        if block[-1].start and carry is not None:
            function(carry, room[..., :1], out=room[..., :1])
        function.accumulate(room, axis=-1, out=room)
        carry = room[..., -1:]
        out[block] = room


def _recur(factors: Array, terms: Array, out: Array) -> None:
    carry = terms[..., 0].astype(np.float64)
    out[..., 0] = carry
    for place in range(1, out.shape[-1]):
        np.multiply(carry, factors[..., place], out=carry)
        np.add(carry, terms[..., place], out=carry)
        out[..., place] = carry


def _recur_by_rows(factors: Array, terms: Array, out: Array) -> None:
    for row in np.ndindex(out.shape[:-1]):
        value, found = -0.0, list[float]()
        for factor, term in zip([1.0, *factors[row][1:].tolist()], terms[row].tolist(), strict=True):
            value = factor * value + term
            found.append(value)
        out[row] = found
