"""Writes the fold of a product as products over the phases of its step, so that no windows are stored.

    %g = input : f32[n,4,50]
    %w = input : f32[4,4]
    %c[i,j,k] = sum[l:4] %g[i,l,j] * %w[l,k] : f32[n,50,4]
    %x = fold(%c, axes=[1], extents=[102], steps=[2], dilations=[1]) : f32[n,102]
    return %x

is the gradient of a convolution with a stride by its input, and becomes

    %g = input : f32[n,4,50]
    %w = input : f32[4,4]
    %0 = pad(%g, low=[0, 0, 1], high=[0, 0, 1], interior=[0, 0, 0], value=0.0) : f32[n,4,52]
    %1 = window(%0, axes=[2], positions=[51], taps=[2], steps=[1], dilations=[1]) : f32[n,4,51,2]
    %2 = reshape(%w, shape=[4, 2, 2]) : f32[4,2,2]
    %3 = slice(%2, starts=[0, 1, 0], sizes=[4, 2, 2], steps=[1, -1, 1]) : f32[4,2,2]
    %4 = reshape(%3, shape=[8, 2]) : f32[8,2]
    %5 = reshape(%4, shape=[4, 2, 2]) : f32[4,2,2]
    %6[i,j,k] = sum[l:4, m:2] %1[i,l,j,m] * %5[l,m,k] : f32[n,51,2]
    %x = reshape(%6, shape=[n, 102]) : f32[n,102]
    return %x

Element `step * a + u` of the result, of phase u, is made from those taps t alone for which `t * dilation` is
u more than a multiple of the step: every `step / gcd(step, dilation)`-th one, from the first such on. So each
phase is a product with windows whose step is 1, and no tap is multiplied that does not belong to it. Where
all phases have as many taps in the same places they are one product, as above; otherwise one each, put
together. (Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning", insert zeros.)

The weights are copied once, with their taps in the order of the terms and what is not summed last: then they
are read by whole vectors, however the images lie. Where what is not summed is much (many channels), it is
last in the result, too, and what is summed is last in the padded positions: both are transposed as they are
copied.

The terms of a sum are the same in another order, and those beyond the border are 0 times a factor: where that
is infinite or NaN, elements at the border may be NaN. It is done where the cost model says that it is less
work, on backends that read windows in place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product as combinations
from typing import Final

from compiler.analysis.aliasing import regions_of
from compiler.analysis.cost import cost_of
from compiler.autodiff.placing import reshaped
from compiler.ir.build import contract, input_node
from compiler.ir.dims import Extent, evaluate, product, symbols
from compiler.ir.graph import Graph
from compiler.ir.node import Node, Origin, make_node
from compiler.ir.op import (
    Concatenate,
    Fold,
    MapReduce,
    Op,
    Pad,
    Reducer,
    Slice,
    Trait,
    Transpose,
    Window,
)  # fmt: skip
from compiler.pipeline.contract import Action, ByValue, Report
from compiler.rewrite.accesses import fill
from compiler.rewrite.phases import Phase, PhasedAxis, phased_axis
from compiler.rewrite.refusal import Reason, Refusal
from compiler.rewrite.sweep import origin_of, sweep
from compiler.schedule.frame import called
from compiler.schedule.target import Target

MOST_PRODUCTS: Final = 16
"""Into how many products a fold is taken apart at most."""

FEW: Final = 6
"""Elements along the weights' own axes from which on these are the last ones."""

_TYPICAL: Final = 64
"""What a symbol is taken to be where works are compared."""

_A_BYTE: Final = 4
"""How many operations of a product are taken to last as long as moving a byte.

Those of other ops, which `Cost.work` has, wait for memory; a product works in the cache.
"""

_FOLDED: Final = 6
"""How many bytes more are counted for each byte of windows that are added up, an element at a time.

Of seven convolutions, with 1 to 64 channels and steps of 1 and 2, it chooses what the native backend did
faster, or as fast.
"""


@dataclass(frozen=True, slots=True, eq=False)
class PhaseFolds(ByValue):
    """Writes folds of products as products with windows, where that is less work; with `always`, anywhere."""

    always: bool = False

    @property
    def name(self) -> str:
        return "phase_folds"

    def rewrite(self, graph: Graph, target: Target) -> tuple[Graph, Report]:
        """The graph with such folds rewritten. Refuses all on a backend that copies windows."""
        if target.reads_windows:
            return phase_folds(graph, always=self.always)
        found = tuple(node for node in graph.nodes if _is_fold_of_product(node))
        sentence = "the backend does not read windows in place"
        return graph, Report(refusals=(Refusal(Reason.TARGET_CANNOT, found, sentence),) if found else ())


def phase_folds(graph: Graph, *, always: bool = False) -> tuple[Graph, Report]:
    """The graph, an action for each fold that was rewritten, and a refusal for each other of a product."""
    actions: list[Action] = []
    refusals: list[Refusal] = []

    def visit(old: Node, node: Node) -> Node:
        if not _is_fold_of_product(node):
            return node
        found = _kept(graph, old) or _site(node)
        if isinstance(found, _Site):
            found = found.written(old, always)
        if isinstance(found, Refusal):
            refusals.append(Refusal(found.reason, (old, *old.operands), found.sentence))
            return node
        sentence = f"{called(old)} adds up no windows: it is a product with windows, phase by phase"
        actions.append(Action((old, *old.operands), sentence))
        return found

    after = sweep(graph, visit)
    return after, Report(tuple(actions), tuple(refusals))


def _is_fold_of_product(node: Node) -> bool:
    return isinstance(node.op, Fold) and _is_product(node.operands[0].op)


def _is_product(op: Op) -> bool:
    """Whether an op multiplies two operands, and may sum."""
    if not isinstance(op, MapReduce) or len(op.accesses) != 2 or len(op.arguments) != 2:
        return False
    is_map = op.reducer is Reducer.NONE and op.formula.atom is not None and op.formula.atom.name == "mul"
    return is_map or op.has(Trait.CONTRACTION)


def _kept(graph: Graph, old: Node) -> Refusal | None:
    (windows,) = old.operands
    if windows in graph.results:
        return Refusal(Reason.RETURNED, (), f"{called(windows)} is returned")
    if len(graph.users[windows]) > 1:
        return Refusal(Reason.READ_LATER, (), f"others than {called(old)} read {called(windows)}")
    return None


@dataclass(frozen=True, slots=True)
class _Site:
    """A fold of a product, of which one factor has the positions and the other one the taps."""

    fold: Node
    axes: tuple[PhasedAxis, ...]
    given: int
    """Which factor has the positions."""

    @property
    def is_one(self) -> bool:
        """Whether all phases are one product."""
        return all(axis.is_even for axis in self.axes)

    def written(self, old: Node, always: bool) -> Node | Refusal:
        """What takes the fold's place; a refusal where that is more work."""
        windows = self.fold.operands[0]
        products = math.prod(axis.windows.step for axis in self.axes)
        if products > MOST_PRODUCTS and not self.is_one:
            return Refusal(Reason.TOO_LARGE, (), f"its phases would be {products} products")
        stand_ins = [input_node(f"x{k}", item.type) for k, item in enumerate(windows.operands)]
        again = make_node(self.fold.op, [make_node(windows.op, stand_ins)])
        before, after = _work(again), _work(self._laid_out(stand_ins, Origin()))
        if after >= before and not always:
            sentence = f"its phases are as much work as its windows: {after:.4g} where it is {before:.4g}"
            return Refusal(Reason.NOT_FASTER, (), sentence)
        return self._laid_out(windows.operands, origin_of(old, "phase_folds", "fold of a product by phases"))

    def _laid_out(self, operands: Sequence[Node], origin: Origin) -> Node:
        """What takes the fold's place, computed with the axes of the weights last where they are many.

        Vectors run along them then, and the sum along neighbours, wherever a row of positions ends.
        """
        op, rank = self._op, self.fold.type.rank
        positions, weights = (op.accesses[k].axes for k in (self.given, 1 - self.given))
        apart = [
            axis for axis in range(rank) if op.output[axis] in weights and op.output[axis] not in positions
        ]
        count = product(self.fold.type.shape[axis] for axis in apart)
        if not isinstance(count, int) or count < FEW:
            return self._made(operands, origin)
        order = [*(axis for axis in range(rank) if axis not in apart), *apart]
        output = [*(op.output[axis] for axis in order), *op.output[rank:]]
        inside = sorted(range(len(positions)), key=lambda place: positions[place] not in output)
        given = _transposed(operands[self.given], inside, origin)
        axes = [[positions[place] for place in inside], [*weights]]
        pairs = [(given, axes[0]), (operands[1 - self.given], axes[1])]
        (left, of_left), (right, of_right) = pairs if self.given == 0 else pairs[::-1]
        windows = _contracted(
            (left, right), (of_left, of_right), [loop for loop in output if loop is not None], op, origin
        )
        assert isinstance(self.fold.op, Fold)
        fold = replace(self.fold.op, axes=tuple(order.index(axis) for axis in self.fold.op.axes))
        site = _site(make_node(fold, [windows], origin=origin))
        assert isinstance(site, _Site)
        back = [order.index(axis) for axis in range(rank)]
        return _transposed(site._made(windows.operands, origin), back, origin)

    def _made(self, operands: Sequence[Node], origin: Origin) -> Node:
        given, weights = operands[self.given], operands[1 - self.given]
        padded = self._padded(given, origin)
        if self.is_one:
            return self._as_one(padded, weights, origin)
        parts = [
            self._part(padded, weights, phases, origin)
            for phases in combinations(*(axis.phases for axis in self.axes))
        ]
        return self._together(parts, origin)

    # Operands

    @property
    def _op(self) -> MapReduce:
        op = self.fold.operands[0].op
        assert isinstance(op, MapReduce)
        return op

    def _places(self, operand: int, loops: Sequence[int]) -> list[int]:
        """The axes of a factor that follow some loops."""
        axes = self._op.accesses[operand].axes
        return [axes.index(loop) for loop in loops]

    def _padded(self, given: Node, origin: Origin) -> Node:
        low, high = [0] * given.type.rank, [0] * given.type.rank
        for place, axis in zip(self._places(self.given, self._positions), self.axes, strict=True):
            low[place], high[place] = axis.low, axis.high
        if not any(low) and not any(high):
            return given
        return make_node(Pad(tuple(low), tuple(high), (0,) * len(low)), [given], origin=origin)

    @property
    def _positions(self) -> list[int]:
        return [axis.position for axis in self.axes]

    @property
    def _taps(self) -> list[int]:
        return [axis.tap for axis in self.axes]

    def _windows(self, padded: Node, phases: Sequence[Phase], origin: Origin) -> Node:
        """What the taps of some phases read, the last one first: a window of step 1 for each element."""
        places = self._places(self.given, self._positions)
        starts = [0] * padded.type.rank
        for place, axis, phase in zip(places, self.axes, phases, strict=True):
            starts[place] = axis.start(phase)
        sizes = tuple(n - start for n, start in zip(padded.type.shape, starts, strict=True))
        if any(starts):
            part = Slice(tuple(starts), sizes, (1,) * len(sizes))
            padded = make_node(part, [padded], origin=origin)
        rows = tuple(axis.rows for axis in self.axes)
        taps, steps = tuple(phase.taps for phase in phases), (1,) * len(places)
        apart = tuple(axis.apart for axis in self.axes)
        return make_node(Window(tuple(places), rows, taps, steps, apart), [padded], origin=origin)

    # Products

    def _part(
        self, padded: Node, weights: Node, phases: Sequence[Phase | None], origin: Origin
    ) -> Node | None:
        """The elements of one phase of each axis; None where they have no taps."""
        found = [phase for phase in phases if phase is not None]
        if len(found) < len(phases):
            return None
        starts, sizes = [0] * weights.type.rank, list(weights.type.shape)
        steps = [1] * weights.type.rank
        for place, axis, phase in zip(
            self._places(1 - self.given, self._taps), self.axes, found, strict=True
        ):
            starts[place] = phase.first + axis.every * (phase.taps - 1)
            sizes[place], steps[place] = phase.taps, -axis.every
        chosen = make_node(Slice(tuple(starts), tuple(sizes), tuple(steps)), [weights], origin=origin)
        extents = list(self._op.extents)
        for axis, phase in zip(self.axes, found, strict=True):
            extents[axis.position], extents[axis.tap] = axis.rows, phase.taps
        windows = self._windows(padded, found, origin)
        return self._product(
            windows, chosen, self._op.accesses[1 - self.given].axes, self._kept, extents, origin
        )

    @property
    def _kept(self) -> list[int]:
        """The loops of the result."""
        loops = [loop for loop in self._op.output if loop is not None]
        return loops[: self.fold.type.rank]

    def _product(
        self, windows: Node, weights: Node, axes: Sequence[int | None], output: Sequence[int],
        extents: Sequence[Extent], origin: Origin,
    ) -> Node:  # fmt: skip
        """The sum of products, whose terms follow each other as the weights lie in memory."""
        ordered = dict.fromkeys([*output, *(axis for axis in axes if axis is not None), *range(len(extents))])
        weights, axes = self._laid(weights, axes, output, origin)
        pairs = [(windows, [*self._op.accesses[self.given].axes, *self._taps]), (weights, [*axes])]
        (left, of_left), (right, of_right) = pairs if self.given == 0 else pairs[::-1]
        number = {loop: place for place, loop in enumerate(ordered)}
        renamed = [[None if axis is None else number[axis] for axis in item] for item in (of_left, of_right)]
        return contract(
            [left, right], renamed, [number[loop] for loop in output], [extents[loop] for loop in ordered],
            dtype=self._op.dtype, origin=origin,
        )  # fmt: skip

    @staticmethod
    def _laid(
        weights: Node, axes: Sequence[int | None], output: Sequence[int], origin: Origin
    ) -> tuple[Node, Sequence[int | None]]:
        """The weights with what is summed before what is not: one copy, whose taps are in the right order.

        Reshaped to one axis, taps that are read from the last one on have no strides, so they are copied.
        """
        shape = weights.type.shape
        summed = [place for place, axis in enumerate(axes) if axis not in output]
        kept = [place for place, axis in enumerate(axes) if axis in output]
        if not kept:
            return weights, axes
        order = (*summed, *kept)
        weights = _transposed(weights, order, origin)
        flat = (product(shape[place] for place in summed), *(shape[place] for place in kept))
        copied = reshaped(reshaped(weights, flat, origin), weights.type.shape, origin)
        return copied, [axes[place] for place in order]

    def _as_one(self, padded: Node, weights: Node, origin: Origin) -> Node:
        """All phases as one product, in which the phase is a loop behind the position."""
        first = [axis.phases[0] for axis in self.axes]
        phases = [phase for phase in first if phase is not None]
        axes, output, extents = (
            list(self._op.accesses[1 - self.given].axes),
            self._kept,
            list(self._op.extents),
        )
        for axis, phase in zip(self.axes, phases, strict=True):
            count, place, loop = axis.windows.step, axes.index(axis.tap), len(extents)
            shape = list(weights.type.shape)
            shape[place : place + 1] = [phase.taps, count] if count > 1 else [phase.taps]
            weights = reshaped(weights, tuple(shape), origin)
            starts = tuple(phase.taps - 1 if k == place else 0 for k in range(len(shape)))
            steps = tuple(-1 if k == place else 1 for k in range(len(shape)))
            weights = make_node(Slice(starts, tuple(shape), steps), [weights], origin=origin)
            extents[axis.position], extents[axis.tap] = axis.rows, phase.taps
            if count > 1:
                axes.insert(place + 1, loop)
                output.insert(output.index(axis.position) + 1, loop)
                extents.append(count)
        windows = self._windows(padded, phases, origin)
        return self._cut(self._product(windows, weights, axes, output, extents, origin), origin)

    # The result

    def _together(self, parts: Sequence[Node | None], origin: Origin) -> Node:
        """The phases beside each other along a first axis, from which each goes behind its position."""
        shape = list(self.fold.type.shape)
        for axis in self.axes:
            shape[axis.windows.axis] = axis.rows
        one = next(part for part in parts if part is not None)
        zeros = fill(0.0, one.type, origin)
        found = [zeros if part is None else part for part in parts]
        stacked = [reshaped(part, (1, *shape), origin) for part in found]
        joined = make_node(Concatenate(0), stacked, origin=origin)
        counts = [axis.windows.step for axis in self.axes]
        apart = reshaped(joined, (*counts, *shape), origin)
        behind = {axis.windows.axis: place for place, axis in enumerate(self.axes)}
        order: list[int] = []
        for axis in range(len(shape)):
            order += [axis + len(counts), *([behind[axis]] if axis in behind else [])]
        return self._cut(make_node(Transpose(tuple(order)), [apart], origin=origin), origin)

    def _cut(self, value: Node, origin: Origin) -> Node:
        """A value with phases behind positions as the fold: both are one axis, of which the end goes."""
        shape = list(self.fold.type.shape)
        for axis in self.axes:
            shape[axis.windows.axis] = axis.rows * axis.windows.step
        value = reshaped(value, tuple(shape), origin)
        if tuple(shape) == self.fold.type.shape:
            return value
        none, steps = (0,) * len(shape), (1,) * len(shape)
        return make_node(Slice(none, self.fold.type.shape, steps), [value], origin=origin)


def _transposed(value: Node, order: Sequence[int], origin: Origin) -> Node:
    """A value with its axes in another order."""
    if list(order) == sorted(order):
        return value
    return make_node(Transpose(tuple(order)), [value], origin=origin)


def _contracted(
    operands: Sequence[Node], axes: Sequence[Sequence[int | None]], output: Sequence[int], op: MapReduce,
    origin: Origin,
) -> Node:  # fmt: skip
    """A sum of products of an op's extents, with the loops of the result in another order."""
    number = {loop: place for place, loop in enumerate(dict.fromkeys([*output, *range(len(op.extents))]))}
    renamed = [[None if axis is None else number[axis] for axis in item] for item in axes]
    return contract(
        list(operands), renamed, [number[loop] for loop in output], [op.extents[loop] for loop in number],
        dtype=op.dtype, origin=origin,
    )  # fmt: skip


def _site(fold: Node) -> _Site | Refusal:
    (windows,) = fold.operands
    op, rank = windows.op, fold.type.rank
    assert isinstance(op, MapReduce)
    assert isinstance(fold.op, Fold)
    if not fold.type.dtype.is_float or None in op.output:
        return Refusal(
            Reason.OTHER_LOOPS, (), f"{called(windows)} is not of floats, or has axes without loops"
        )
    pairs = [(op.output[item], op.output[rank + place]) for place, item in enumerate(fold.op.axes)]
    loops = [(position, tap) for position, tap in pairs if position is not None and tap is not None]
    owners = {k for k in range(2) if all(_owns(op, k, position, tap) for position, tap in loops)}
    if len(owners) != 1:
        sentence = f"no factor of {called(windows)} has its positions alone, and the other one its taps"
        return Refusal(Reason.OTHER_LOOPS, (), sentence)
    axes: list[PhasedAxis] = []
    for item, (position, tap) in zip(fold.op.over(windows.type.shape), loops, strict=True):
        axis = phased_axis(item, position, tap)
        if axis is None:
            sentence = f"how many elements each phase of axis {item.axis} of {called(fold)} has is not known"
            return Refusal(Reason.NOT_KNOWN, (), sentence)
        axes.append(axis)
    return _Site(fold, tuple(axes), owners.pop())


def _owns(op: MapReduce, factor: int, position: int, tap: int) -> bool:
    """Whether a factor has the positions alone, and the other one the taps alone."""
    ours, theirs = op.accesses[factor].axes, op.accesses[1 - factor].axes
    return position in ours and tap in theirs and tap not in ours and position not in theirs


def _work(value: Node) -> float:
    """The work of all nodes of a value but its leaves, in bytes moved."""
    graph = Graph.of([value])
    regions = regions_of(graph)
    total = 0.0
    for node in graph.nodes:
        if not node.op.has(Trait.LEAF):
            cost = cost_of([node], {node}, regions)
            total += _typically(cost.bytes_moved if _is_product(node.op) else cost.work)
            total += _typically(cost.operations) / _A_BYTE if _is_product(node.op) else 0
            if isinstance(node.op, Fold):
                windows = node.operands[0].type
                total += _FOLDED * windows.dtype.size * _typically(windows.size)
    return total


def _typically(count: Extent) -> int:
    return evaluate(count, dict.fromkeys(symbols(count), _TYPICAL))
