"""Scales constant weights of a product, once, where constants scale and shift what it gives.

    %x = input : f32[n,3,8]
    %w = constant(@w) : f32[4,3,3]
    %mean = constant(@mean) : f32[4,1]
    %scale = constant(@scale) : f32[4,1]
    %bias = constant(@bias) : f32[4,1]
    %s = window(%x, axes=[2], positions=[6], taps=[3], steps=[1], dilations=[1]) : f32[n,3,6,3]
    %c[i,j,k] = sum[l:3, m:3] %s[i,l,k,m] * %w[j,l,m] : f32[n,4,6]
    %0 = sub(%c, %mean) : f32[n,4,6]
    %1 = mul(%0, %scale) : f32[n,4,6]
    %y = add(%1, %bias) : f32[n,4,6]
    return %y

becomes

    %x = input : f32[n,3,8]
    %s = window(%x, axes=[2], positions=[6], taps=[3], steps=[1], dilations=[1]) : f32[n,3,6,3]
    %0 = constant(@0) : f32[4,3,3]
    %1[i,j,k] = sum[l:3, m:3] %s[i,l,k,m] * %0[j,l,m] : f32[n,4,6]
    %2 = constant(@2) : f32[4,1]
    %y = add(%1, %2) : f32[n,4,6]
    return %y

A normalisation by known statistics behind a convolution is such a scale and shift, channel by channel, and so
is the one behind a dense layer. A map's scale and shift are read from its formula, several maps are one pair
(`compiler.analysis.affine`), and groups of channels are seen through the reshape that joins them.

Bits change, so this is no default: `tt.compile(..., freeze=True)` runs it, which says that a program only
infers. Scales, shifts and weights are multiplied in float64, and rounded once. A weight then has an error of
half a unit in its last place, which adds to the bound of a sum what one more term does, and an element has a
rounding less for each map that is gone. Where scaled weights are not finite, or below the smallest normal
number, where they have fewer digits, all stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.analysis.affine import Affine, affine_of, regrouped
from compiler.autodiff.placing import reshaped
from compiler.backends.reference.constants import constant_value, is_constant
from compiler.ir.build import apply, constant_node
from compiler.ir.graph import Graph
from compiler.ir.node import Node, make_node
from compiler.ir.op import MapReduce, Reshape, Trait
from compiler.ir.types import FLOAT32, FLOAT64
from compiler.pipeline.contract import Action, ByValue, Report
from compiler.rewrite.refusal import Reason, Refusal
from compiler.rewrite.sweep import origin_of, sweep
from compiler.schedule.frame import called
from compiler.schedule.target import Target

Array: TypeAlias = np.ndarray[Any, Any]

_DTYPES: Final = (FLOAT32, FLOAT64)


@dataclass(frozen=True, slots=True, eq=False)
class ScaleConstants(ByValue):
    """Multiplies constant weights by constants that scale what a product of them gives."""

    @property
    def name(self) -> str:
        return "scale_constants"

    def rewrite(self, graph: Graph, target: Target) -> tuple[Graph, Report]:
        """The graph with such weights, whatever the target is."""
        return scale_constants(graph)


def scale_constants(graph: Graph) -> tuple[Graph, Report]:
    """The graph, an action for each product that was scaled, a refusal for each that might have been."""
    sites, refusals = _sites(graph)
    by_last = {site.last: site for site in sites}
    operands: dict[Node, tuple[Node, ...]] = {site.node: () for site in sites}

    def visit(old: Node, node: Node) -> Node:
        if old in operands:
            operands[old] = node.operands
        site = by_last.get(old)
        return node if site is None else site.written(operands[site.node])

    actions = [Action(site.concerned, site.sentence) for site in sites]
    return sweep(graph, visit), Report(tuple(actions), tuple(refusals))


def _sites(graph: Graph) -> tuple[list[_Site], list[Refusal]]:
    sites: list[_Site] = []
    refusals: list[Refusal] = []
    for node in graph.nodes:
        place = _weights(node)
        if place is None:
            continue
        site = _Site(node, place)
        if (refusal := site.follow(graph)) is not None:
            refusals.append(refusal)
        elif site.scales:
            sites.append(site)
    return sites, refusals


def _weights(node: Node) -> int | None:
    """Which factor of a product of two is a constant, perhaps with its axes moved."""
    op = node.op
    if not isinstance(op, MapReduce) or not op.has(Trait.CONTRACTION) or len(node.operands) != 2:
        return None
    dtypes = {item.type.dtype for item in (node, *node.operands)}
    found = [place for place, operand in enumerate(node.operands) if is_constant(operand)]
    is_plain = len(dtypes) == 1 and dtypes.issubset(_DTYPES) and None not in op.output
    return found[0] if len(found) == 1 and is_plain else None


class _Site:
    """A product whose factor `place` is a constant, and the maps behind it that scale and shift it."""

    def __init__(self, node: Node, place: int) -> None:
        assert isinstance(node.op, MapReduce)
        self.node, self.op, self.place = node, node.op, place
        self.axes = self.op.accesses[place].axes
        ones = (1,) * node.type.rank
        self.total = Affine(np.ones(ones), np.zeros(ones))
        """What the maps do, beside the product's own axes."""
        self.maps: list[Node] = []
        self.scaled: Array | None = None

    @property
    def last(self) -> Node:
        """The last of the maps, whose place the product takes."""
        return self.maps[-1]

    @property
    def concerned(self) -> tuple[Node, ...]:
        """The product and the maps, and the constants that they read."""
        read = [item for node in (self.node, *self.maps) for item in node.operands if is_constant(item)]
        return (self.node, *self.maps, *read)

    @property
    def scales(self) -> bool:
        """Whether the maps do more than to shift."""
        return bool(np.any(self.total.scale != 1))

    @property
    def sentence(self) -> str:
        """What is done."""
        maps = f"{len(self.maps)} map{'s' * (len(self.maps) > 1)}"
        return f"{called(self.node)} has what {maps} behind it scaled in its weights"

    def follow(self, graph: Graph) -> Refusal | None:
        """Collects the maps, as long as nobody else reads between them. Says why none scales the weights."""
        node, results = self.node, set(graph.results)
        while users := list(dict.fromkeys(graph.users[node])):
            step = self._step(node, users[0])
            if step is None:
                break
            if len(users) > 1 or node in results:
                return self._shared(node, users[0], step)
            self.total = self.total.then(step)
            node = users[0]
            if not isinstance(node.op, Reshape):
                self.maps.append(node)
        return self._lost() if self.scales else None

    def _step(self, node: Node, user: Node) -> Affine | None:
        """What a reader does to a node, beside the axes of the product; None for anything else."""
        if isinstance(user.op, Reshape):
            return _NOTHING
        op, places = user.op, [k for k, item in enumerate(user.operands) if item is node]
        others = [item for item in user.operands if item is not node]
        if not isinstance(op, MapReduce) or not op.has(Trait.ELEMENTWISE) or len(places) != 1:
            return None
        if (
            op.dtype is not self.op.dtype
            or op.extents != node.type.shape
            or not all(map(is_constant, others))
        ):
            return None
        found = affine_of(op, places[0], [constant_value(item) for item in others])
        if found is None:
            return None
        parts = [
            regrouped(part, node.type.shape, self.node.type.shape) for part in (found.scale, found.shift)
        ]
        known = [part for part in parts if part is not None and self._is_of_weights(part)]
        return Affine(*known) if len(known) == len(parts) else None

    def _is_of_weights(self, numbers: Array) -> bool:
        """Whether numbers differ along axes of the weights alone."""
        loops = zip(self.op.output, numbers.shape, strict=True)
        return all(extent == 1 or loop in self.axes for loop, extent in loops)

    def _shared(self, node: Node, user: Node, step: Affine) -> Refusal | None:
        """Why a product stays as it is that others read before it is scaled."""
        if self.scales:
            return self._lost()
        if np.all(step.scale == 1):
            return None
        sentence = f"{called(user)} scales {called(node)}, which others read as it is"
        return Refusal(Reason.READ_LATER, (self.node, user), sentence)

    def _lost(self) -> Refusal | None:
        """Scales the weights. Why they stay as they are where that would lose more than a rounding."""
        before = constant_value(self.node.operands[self.place])
        with np.errstate(all="ignore"):
            exact = before.astype(np.float64) * self._beside_weights(self.total.scale)
            self.scaled = exact.astype(before.dtype)
            shift = self.total.shift.astype(before.dtype)
        is_small = (np.abs(self.scaled) < np.finfo(before.dtype).tiny) & (exact != 0)
        if not np.all(np.isfinite(self.scaled)) or not np.all(np.isfinite(shift)) or is_small.any():
            sentence = f"scaled weights of {called(self.node)} would not be finite, or below normal numbers"
            return Refusal(Reason.NOT_EXACT, (self.node, *self.maps), sentence)
        return None

    def _beside_weights(self, numbers: Array) -> Array:
        """Numbers beside the product's axes, beside those of its weights."""
        loops = list(self.op.output)
        order = [loops.index(loop) for loop in self.axes if loop in loops]
        rest = [axis for axis in range(numbers.ndim) if axis not in order]
        moved = iter(numbers.transpose([*order, *rest]).shape)
        shape = [next(moved) if loop in loops else 1 for loop in self.axes]
        return numbers.transpose([*order, *rest]).reshape(shape)

    def written(self, operands: Sequence[Node]) -> Node:
        """The product with scaled weights, where the last map was, and what is added to it."""
        assert self.scaled is not None
        last = self.last
        origin, behind = (origin_of(item, "scale_constants", "constant scales") for item in (self.node, last))
        factors = list(operands)
        factors[self.place] = constant_node(self.scaled, self.op.dtype, origin=origin)
        found = reshaped(make_node(self.op, factors, origin=origin), last.type.shape, origin)
        shift = regrouped(self.total.shift, self.node.type.shape, last.type.shape)
        assert shift is not None
        if not np.any(shift):
            return found
        bias = constant_node(_trimmed(shift).astype(self.op.dtype.numpy), self.op.dtype, origin=behind)
        return apply("add", found, bias, origin=behind)


def _trimmed(numbers: Array) -> Array:
    """Numbers without the unit axes before all others, which broadcasting has no need of."""
    long = [axis for axis, extent in enumerate(numbers.shape) if extent != 1]
    return numbers.reshape(numbers.shape[long[0] if long else numbers.ndim :])


_NOTHING: Final = Affine(np.ones(()), np.zeros(()))
