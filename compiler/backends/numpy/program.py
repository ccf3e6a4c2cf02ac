"""A plan as straight-line NumPy calls that write into the slab."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

import numpy as np

from compiler.backends.numpy.contractions import (
    MatrixProduct,
    contraction,
    is_fit,
    matrix_product,
    product_of,
    squeezed,
)
from compiler.backends.numpy.frame import Array, Storage
from compiler.backends.numpy.kernels import NestWriter
from compiler.backends.numpy.moves import write_layout
from compiler.backends.numpy.prefixes import write_prefix
from compiler.backends.numpy.source import Source
from compiler.backends.numpy.stopwatch import Stopwatch
from compiler.backends.reference import write_call
from compiler.ir.dims import evaluate
from compiler.ir.node import Node
from compiler.ir.op import Call, Layout, MapReduce, Prefix, Trait
from compiler.schedule.execution import Copy, Release, Run, steps_of
from compiler.schedule.nest import Nest
from compiler.schedule.plan import InOutput, InParameter, InSlab, Plan, View
from compiler.schedule.schedule import Kernel

Observer: TypeAlias = Callable[[Sequence[Node], Sequence[Array]], None]
"""Sees the stored results of a kernel when it has run."""

_KEPT: Final = 8
"""Sets of sizes for which frames are kept; the oldest goes first."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What one running call needs: its slab and the function that runs the kernels."""

    run: Callable[..., None]
    text: str
    slab_bytes: int


class PlannedProgram:
    """Frames by sizes. A call takes one that no other call is using, or makes one."""

    def __init__(self, plan: Plan, observe: Observer | None = None) -> None:
        self.plan = plan
        self.observe = observe
        self._frames: dict[tuple[int, ...], list[Frame]] = {}
        self._timed: dict[tuple[int, ...], list[tuple[Frame, Stopwatch]]] = {}

    def run(self, inputs: Sequence[Array], sizes: Mapping[str, int], outputs: Sequence[Array]) -> None:
        """One call, as `Executable.run` says."""
        frames = self._frames.get(tuple(sizes.values()))
        if frames is None:
            frames = self._open(tuple(sizes.values()))
        try:
            frame = frames.pop()
        except IndexError:
            frame = make_frame(self.plan, sizes, self.observe)
        try:
            with np.errstate(all="ignore"):
                frame.run(*inputs, *outputs)
        finally:
            frames.append(frame)

    def run_timed(
        self, inputs: Sequence[Array], sizes: Mapping[str, int], outputs: Sequence[Array]
    ) -> list[int]:
        """One call, as `Timed.run_timed` says, of code that reads a clock between kernels.

        A reading takes some 50 ns, and is part of the kernel before it.
        """
        frames = self._timed.setdefault(tuple(sizes.values()), [])
        try:
            frame, stopwatch = frames.pop()
        except IndexError:
            stopwatch = Stopwatch(len(self.plan.schedule.kernels))
            frame = make_frame(self.plan, sizes, self.observe, stopwatch)
        with np.errstate(all="ignore"):
            frame.run(*inputs, *outputs)
        frames.append((frame, stopwatch))
        return stopwatch.spent()

    def _open(self, key: tuple[int, ...]) -> list[Frame]:
        while len(self._frames) >= _KEPT:
            self._frames.pop(next(iter(self._frames)), None)
        return self._frames.setdefault(key, [])

    def source(self, sizes: Mapping[str, int]) -> str:
        """The generated Python for some sizes."""
        return make_frame(self.plan, sizes).text


def make_frame(
    plan: Plan, sizes: Mapping[str, int], observe: Observer | None = None, stopwatch: Stopwatch | None = None
) -> Frame:
    """Allocates the slab and writes the function for given sizes."""
    source = Source()
    storage = Storage(plan, sizes, source)
    split = _splitter(source, stopwatch)
    for step in steps_of(plan):
        match step:
            case Run():
                split(-1)
                _write_kernel(storage, plan, step.kernel)
                split(step.number)
                if observe is not None:
                    _write_observation(storage, step.kernel, observe)
            case Copy():
                _write_copy(storage, step)
            case Release():
                if observe is not None:
                    _write_poison(storage, step)
    split(-1)
    run, text = source.finish(storage.parameters)
    return Frame(run, text, storage.slab.nbytes)


def _splitter(source: Source, stopwatch: Stopwatch | None) -> Callable[[int], None]:
    """What is called with the owner of all that was written since the last time."""
    if stopwatch is None:
        return lambda _: None
    stopwatch.begin(source)
    return partial(stopwatch.split, source)


def _write_copy(storage: Storage, step: Copy) -> None:
    match step.target:
        case InOutput() as place:
            target = f"out_{place.position}"
        case InParameter() as place:
            target = storage.name(place.parameter)
        case InSlab() as place:
            target = storage.aside(place, step.value)
    value = storage.name(step.value) if step.source is None else storage.aside(step.source, step.value)
    storage.source.call(np.copyto, target, value)


def _write_observation(storage: Storage, kernel: Kernel, observe: Observer) -> None:
    """Shows a kernel's stored results."""
    nodes = storage.plan.schedule.outputs(kernel)
    names = _tuple([storage.name(node) for node in nodes])
    storage.source.call(partial(observe, nodes), names)


def _write_poison(storage: Storage, step: Release) -> None:
    """Fills slots that hold nothing any more with bytes that are NaN in every float."""
    for slot in step.slots:
        start, size = evaluate(slot.offset, storage.sizes), evaluate(slot.bytes, storage.sizes)
        storage.source.write(f"{storage.source.bind(storage.slab[start : start + size], 'dead_')}.fill(255)")


def _write_kernel(storage: Storage, plan: Plan, kernel: Kernel) -> None:
    first = kernel.members[0]
    if len(kernel.members) == 1 and isinstance(plan.places[first], View):
        return
    if len(kernel.members) == 1 and _is_contraction(first):
        _write_contraction(storage, first)
    elif isinstance(first.op, MapReduce):
        nest = kernel.nest
        assert isinstance(nest, Nest)
        NestWriter(storage, plan.schedule, kernel, nest).write()
    elif isinstance(first.op, Prefix):
        names = _tuple([storage.name(operand) for operand in first.operands])
        storage.source.call(partial(write_prefix, first), names, storage.name(first))
    elif isinstance(first.op, Layout):
        names = _tuple([storage.name(operand) for operand in first.operands])
        storage.source.call(partial(_move, first, storage.sizes), names, storage.name(first))
    elif isinstance(first.op, Call):
        names = _tuple([storage.name(operand) for operand in first.operands])
        storage.source.call(partial(_call, first, first.op, storage.sizes), names, storage.name(first))


def _tuple(names: Sequence[str]) -> str:
    return "(" + "".join(f"{name}, " for name in names) + ")"


def _move(node: Node, sizes: Mapping[str, int], operands: Sequence[Array], out: Array) -> None:
    write_layout(node, operands, sizes, out)


def _call(node: Node, op: Call, sizes: Mapping[str, int], operands: Sequence[Array], out: Array) -> None:
    write_call(node, op, operands, sizes, out)


def _is_contraction(node: Node) -> bool:
    """Whether a node is a contraction other than a dot product of rows, which is a nest like any other."""
    op = node.op
    if not isinstance(op, MapReduce) or not op.has(Trait.CONTRACTION):
        return False
    product = matrix_product(product_of(op))
    return product is None or product.rows + product.columns > 0


def _write_contraction(storage: Storage, node: Node) -> None:
    op = node.op
    assert isinstance(op, MapReduce)
    product = matrix_product(product_of(op))
    if product is None or not _write_matmul(storage, node, op, product):
        names = _tuple([storage.name(operand) for operand in node.operands])
        storage.source.call(contraction(op), names, storage.name(node))


def _write_matmul(storage: Storage, node: Node, op: MapReduce, product: MatrixProduct) -> bool:
    """One call of NumPy's product, where no operand has to be copied for it."""
    dtypes = {item.type.dtype for item in (*node.operands, node)}
    extents = [evaluate(extent, storage.sizes) for extent in op.extents]
    if not product.is_plain or len(dtypes) > 1 or 0 in extents:
        return False
    values = (*node.operands, node)
    axes = (*(access.axes for access in op.accesses), op.output)
    orders = (product.left, product.right, product.output)
    if product.output == (1, 0):  # a dense transposed result: the product of the transposed factors
        values, axes = (values[1], values[0], node), (axes[1], axes[0], op.output)
        orders = (product.right[::-1], product.left[::-1], (0, 1))
    shown = [_matrix(storage, *item) for item in zip(values, axes, orders, strict=True)]
    names = [name for name in shown if name is not None]
    if len(names) < len(shown):
        return False
    target = storage.source.bound.get(names[2])
    is_dense = names[2] == storage.name(node) if target is None else target.flags.c_contiguous
    if is_dense and node.type.dtype.is_float and not product.batch:
        # np.matmul's result for less than half the cost of the call
        left = storage.source.bound.get(names[0])
        dot = f"{names[0]}.dot" if left is None else storage.source.bind(left.dot, "dot_")
        storage.source.write(f"{dot}({names[1]}, {names[2]})")
    else:
        storage.source.call(np.matmul, *names)
    return True


def _matrix(storage: Storage, node: Node, axes: Sequence[int | None], order: Sequence[int]) -> str | None:
    """A value as the matrix of a product; None if it needs more than a transpose."""
    array = storage.array(node)
    if array is not None:
        matrix = squeezed(array, axes).transpose(order)
        return storage.source.bind(matrix, "m") if is_fit(matrix) else None
    if None in axes or order not in ((0, 1), (1, 0)) or not storage.comes_dense(node):
        return None
    return storage.name(node) + ("" if order == (0, 1) else ".T")
