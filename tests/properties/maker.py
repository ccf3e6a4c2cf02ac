"""What a random graph is made with: values and what is known of their elements, leaves, names, results."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compiler.errors import ShapeError
from compiler.ir.build import apply, constant_node, input_node, parameter_node
from compiler.ir.dims import Extent, Shape, evaluate, product, symbol, symbols
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.types import BFLOAT16, BOOL, FLOAT16, FLOAT32, FLOAT64, INT32, INT64, DType, TensorType

SYMBOLS = ("batch", "length")
LARGEST = 5
"""The largest extent of a symbol or an axis."""

EXTENTS: tuple[Extent, ...] = (symbol("batch"), symbol("batch"), symbol("length"), 1, 1, 2, 3, 3, 4, 5, 0)
DTYPES = (
    *(FLOAT32, FLOAT32, FLOAT32, FLOAT32, FLOAT64, FLOAT64, FLOAT64, INT32, INT32, INT64, BOOL, BOOL),
    *(FLOAT16, BFLOAT16),
)
DIGITS = {FLOAT64: 53, FLOAT16: 11, BFLOAT16: 8}
"""Binary digits that a dtype holds, where they are not 24."""

SPECIAL = (0.0, -0.0, math.inf, -math.inf, math.nan)
LIMIT = 64.0
"""Rounded values stay below."""


@dataclass(frozen=True)
class Value:
    """A node with what is known about its elements.

    Finite ones are at most `bound`; where `grain` is not None they are multiples of `2 ** -grain`, exactly.
    """

    node: Node
    bound: float
    grain: int | None = 0
    low: float = -8
    """Integers are at least this."""
    special: bool = False
    """Whether NaN or an infinity may be among them."""

    @property
    def dtype(self) -> DType:
        return self.node.type.dtype

    @property
    def shape(self) -> Shape:
        return self.node.type.shape

    @property
    def is_exact(self) -> bool:
        digits = DIGITS.get(self.dtype, 24)
        return self.grain is not None and self.bound * 2.0**self.grain < 2.0**digits

    def settled(self) -> "Value":
        """The value, rounded from here on if it does not fit its dtype."""
        return self if self.is_exact or self.grain is None else replace(self, grain=None)


@dataclass(frozen=True)
class Sample:
    """A random graph, with how to call it."""

    seed: int
    graph: Graph
    needs_elements: frozenset[str]
    """Symbols that must not be 0: something takes the largest of so many."""
    ranges: Mapping[str, tuple[int, int]]
    """For each integer input the range of its elements."""
    special: frozenset[str]
    """Floating inputs that carry NaN, infinities and -0.0."""

    def sizes(self, number: int) -> dict[str, int]:
        """Values of the symbols for the call of this number. Call 0 has no zero."""
        random = np.random.default_rng((self.seed, number, 1))
        found = {name: int(random.integers(0 if number else 1, LARGEST + 1)) for name in SYMBOLS}
        return {name: max(n, 1) if name in self.needs_elements else n for name, n in found.items()}

    def arguments(self, number: int) -> list[np.ndarray[Any, Any]]:
        """Arrays for the inputs in the call of this number."""
        random = np.random.default_rng((self.seed, number, 2))
        sizes = self.sizes(number)
        return [self._array(random, node, sizes) for node in self.graph.inputs]

    def _array(
        self, random: np.random.Generator, node: Node, sizes: Mapping[str, int]
    ) -> np.ndarray[Any, Any]:
        shape = [evaluate(extent, sizes) for extent in node.type.shape]
        low, high = self.ranges[str(node.name)]
        return numbers(random, shape, node.type.dtype, low, high, special=node.name in self.special)


def numbers(
    random: np.random.Generator,
    shape: Sequence[int],
    dtype: DType,
    low: int = -8,
    high: int = 8,
    *,
    special: bool = False,
) -> np.ndarray[Any, Any]:
    """Multiples of 1/8 between -4 and 4, or special values; integers between `low` and `high`; bools."""
    if dtype is BOOL:
        return random.random(shape) < 0.5
    if dtype.is_integer:
        return random.integers(low, high + 1, shape).astype(dtype.numpy)
    array = np.asarray(random.integers(-32, 33, shape) / 8)
    chosen = random.random(shape) < (random.choice([0.1, 0.3]) if special else 0.0)
    return np.where(chosen, random.choice(SPECIAL, shape), array).astype(dtype.numpy)


class Maker:
    """The values so far, and what a call must respect."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = np.random.default_rng((seed, 0))
        self.values: list[Value] = []
        self.inputs: list[Node] = []
        self.parameters: list[Node] = []
        self.ranges: dict[str, tuple[int, int]] = {}
        self.special: set[str] = set()
        self.needs_elements: set[str] = set()

    # Choices

    def choice(self, items: Sequence[Any]) -> Any:
        return items[int(self.random.integers(len(items)))]

    def chance(self, probability: float) -> bool:
        return bool(self.random.random() < probability)

    def pick(self, accept: Callable[[Value], bool] = lambda value: True) -> Value | None:
        """A value, rather a late one; None if none is acceptable."""
        recent = [value for value in self.values[-4:] if accept(value)]
        if recent and self.chance(0.6):
            return self.choice(recent)
        fitting = [value for value in self.values if accept(value)]
        return self.choice(fitting) if fitting else None

    def shape(self, most: int = 3) -> Shape:
        return tuple(self.choice(EXTENTS) for _ in range(int(self.random.integers(0, most + 1))))

    # Leaves

    def leaf(self) -> Value:
        dtype, shape = self.choice(DTYPES), self.shape()
        make = self.choice([self._input, self._input, self._parameter, self._constant])
        return self.keep(make(dtype, shape))

    def _input(self, dtype: DType, shape: Shape, low: int = -8, high: int = 8) -> Value:
        name = f"x{len(self.inputs)}"
        node = input_node(name, TensorType(dtype, shape))
        self.inputs.append(node)
        self.ranges[name] = (low, high)
        special = dtype.is_float and self.chance(0.4)
        if special:
            self.special.add(name)
        return _leaf_value(node, special, low, high)

    def _parameter(self, dtype: DType, shape: Shape) -> Value:
        fixed = [n if isinstance(n, int) else 3 for n in shape]
        special = dtype.is_float and self.chance(0.3)
        array = numbers(self.random, fixed, dtype, special=special)
        node = parameter_node(array, f"w{len(self.parameters)}")
        self.parameters.append(node)
        return _leaf_value(node, special)

    def _constant(self, dtype: DType, shape: Shape) -> Value:
        fixed = [n if isinstance(n, int) else 3 for n in shape]
        special = dtype.is_float and self.chance(0.3)
        array = numbers(self.random, fixed, dtype, special=special)
        if self.chance(0.5):
            array = np.full(fixed, self.choice([0, 1, 1, -1, 2]), dtype.numpy)
        if self.chance(0.3):
            array = np.asarray(array.flat[0] if array.size else 1, dtype.numpy)
        return _leaf_value(constant_node(array, dtype), special)

    def index(self, shape: Shape, extent: int) -> Value:
        """An input or a constant of indices below `extent`."""
        dtype = self.choice([INT32, INT64])
        if self.chance(0.5) or not all(isinstance(n, int) for n in shape):
            return self._input(dtype, shape, 0, extent - 1)
        array = numbers(self.random, [n for n in shape if isinstance(n, int)], dtype, 0, extent - 1)
        return _leaf_value(constant_node(array, dtype), False, 0, extent - 1)

    def number(self, dtype: DType) -> bool | int | float:
        """A literal of a kind that keeps a dtype."""
        if dtype is BOOL:
            return self.chance(0.5)
        if dtype.is_integer:
            return self.choice([0, 1, -1, 2, 3])
        return self.choice([0.0, -0.0, 1.0, -1.0, 2.0, 0.5, 4, 1, 3.0, -0.125])

    def need_elements(self, extents: Sequence[Extent]) -> None:
        """Says that no symbol of these extents may be 0."""
        self.needs_elements.update(name for extent in extents for name in symbols(extent))

    # Growth

    def keep(self, value: Value) -> Value:
        """Takes up a value; some get a name, and some are made once more."""
        node = value.node
        if node.operands and self.chance(0.15):
            value = replace(value, node=node.named(self.choice("abcdef")))
        self.values.append(value.settled())
        if node.operands and self.chance(0.1):
            self.values.append(replace(value, node=node.named(None)).settled())
        return value

    def grow(self, growths: Sequence[Callable[["Maker"], Value | None]]) -> None:
        """Adds a value that one of some functions makes; a leaf where none succeeds."""
        for _ in range(20):
            try:
                found = self.choice(growths)(self)
            except ShapeError:
                continue
            if found is not None and self._is_welcome(found):
                self.keep(found)
                return
        self.leaf()

    def _is_welcome(self, value: Value) -> bool:
        limit = 2.0**20 if value.settled().grain is not None or not value.dtype.is_float else LIMIT
        return value.bound <= limit and largest_size(value.shape) <= 4096 and len(value.shape) <= 5

    def finish(self) -> Sample:
        made = [value.node for value in self.values]
        read = {operand for node in made for operand in node.operands}
        unread = [node for node in made if node not in read]
        outputs = [made[-1], *(self.choice(unread) for _ in range(int(self.random.integers(0, 4))))]
        outputs += [self.choice(made)] if self.chance(0.3) else []
        declared = [node for node in self.inputs if self.chance(0.2)]
        return Sample(
            self.seed,
            Graph.of(outputs, self._updates(), declared),
            frozenset(self.needs_elements),
            self.ranges,
            frozenset(self.special),
        )

    def _of_shape(self, shape: Shape) -> Value | None:
        return self.pick(lambda item: item.shape == shape and item.dtype.is_float)

    def _updates(self) -> list[tuple[Node, Node]]:
        """New values of parameters; one that is finite stays so, as all that is made of it takes it to be."""
        found: list[tuple[Node, Node]] = []
        special = {value.node for value in self.values if value.special}
        for parameter in self.parameters:
            if not self.chance(0.6):
                continue
            values = [value.node for value in self.values if value.node.type == parameter.type]
            fits = [node for node in values if parameter in special or node not in special]
            value = self.choice(fits)
            other = self._of_shape(parameter.type.shape)
            is_fit = other is not None and (parameter in special or other.node not in special)
            if other is not None and is_fit and parameter.type.dtype is FLOAT64 and self.chance(0.5):
                value = apply("sub", parameter, apply("mul", other.node, 0.5, dtype=FLOAT64))
            found.append((parameter, value))
        return found


def _leaf_value(node: Node, special: bool, low: int = -8, high: int = 8) -> Value:
    if node.type.dtype.is_float:
        return Value(node, 4.0, 3, special=special)
    return Value(node, float(max(abs(low), abs(high))), 0, low)


def largest_size(shape: Shape) -> int:
    """The number of elements where every symbol is as large as it gets."""
    return evaluate(product(shape), dict.fromkeys(SYMBOLS, LARGEST))
