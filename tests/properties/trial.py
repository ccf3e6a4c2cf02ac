"""One random graph under random passes on every backend, compared with the oracle."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from compiler.analysis.extents import check_symbols
from compiler.autodiff.backward import gradient
from compiler.backends import reference
from compiler.backends.contract import Backend
from compiler.backends.numpy import tiles
from compiler.driver import CompileOptions, Debug, compile_source
from compiler.errors import GradientError, LawError, UndeclaredInputError
from compiler.ir.bfloat16 import float_limits
from compiler.ir.build import input_node, reduce
from compiler.ir.dims import symbol
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.numbers import is_floating
from compiler.ir.op import Access, Constant, MapReduce, Parameter, Reducer, Trait
from compiler.ir.types import FLOAT32, TensorType
from compiler.pipeline.contract import Pass
from compiler.program import Program
from compiler.schedule import parts
from compiler.structure import Structure
from passes import REWRITES, SCHEDULING
from tests.properties.comparing import Answer, difference, oracle
from tests.properties.growing import GROWTHS, Growth
from tests.properties.maker import SYMBOLS, Sample
from tests.properties.random_graphs import random_graph
from tinytorch.builtin import REGISTRY

Array = np.ndarray[Any, Any]
KINDS = ("values", "unstable", "gradients")
"""Well-conditioned graphs; graphs that a stabilising rule makes better; gradients of sums of results."""


CALLS = 3
"""Calls of each program, of different sizes and arguments."""

Disturbance = Callable[[Node, Sequence[Array], Array, np.random.Generator], Array]
"""Changes a node's value, given those of its operands, to another that is as right."""


class WrongResultError(AssertionError):
    """A program differs from the oracle."""


@dataclass(frozen=True)
class Trial:
    """What a seed stands for: a graph and the ways in which it is compiled and called."""

    seed: int
    kind: str
    sample: Sample
    passes: tuple[Pass, ...]
    tile: int
    debug: bool
    donate: tuple[str, ...]

    def __str__(self) -> str:
        names = ", ".join(item.name for item in self.passes)
        return f"seed {self.seed}, {self.kind}, passes [{names}], tiles of {self.tile}, debug {self.debug}"


@cache
def backends() -> dict[str, Backend]:
    """Every registered backend that is available here."""
    found = dict(REGISTRY.entries["backends"])
    for name in ("llvm", "c"):
        if name in found and not found[name].is_available:
            del found[name]
    return found


def make_trial(seed: int, growths: Sequence[Growth] = GROWTHS) -> Trial:
    """The trial of a seed, whose graph grows by some functions."""
    random = np.random.default_rng((seed, 3))
    kind = str(random.choice(KINDS, p=(0.6, 0.15, 0.25)))
    sample = _with_every_symbol(random_graph(seed, unstable=kind == "unstable", growths=growths))
    if kind == "gradients":
        sample = with_gradients(sample, random)
    donate = tuple(str(node.name) for node in sample.graph.inputs if random.random() < 0.3)
    chosen = (*_some(random, REWRITES), *_some(random, SCHEDULING))
    passes = ((*REWRITES, *SCHEDULING), (), chosen)[int(random.choice(3, p=(0.3, 0.1, 0.6)))]
    tile = int(random.choice((1, 2, 4, 16, tiles.TILE)))
    return Trial(seed, kind, sample, passes, tile, bool(random.random() < 0.2), donate)


def _some(random: np.random.Generator, passes: Sequence[Any]) -> list[Any]:
    """Some of the passes in some order, now and then one of them twice."""
    found = [passes[k] for k in random.permutation(len(passes)) if random.random() < 0.7]
    return [*found, found[0]] if found and random.random() < 0.2 else found


def _with_every_symbol(sample: Sample) -> Sample:
    """The sample, with one more input if a symbol stands in the shape of none."""
    graph = sample.graph
    try:
        check_symbols(graph)
    except UndeclaredInputError:
        node = input_node("sizes", TensorType(FLOAT32, tuple(map(symbol, SYMBOLS))))
        made = Graph.of(graph.outputs, graph.updates, (*graph.inputs, node))
        return replace(sample, graph=made, ranges={**sample.ranges, "sizes": (0, 1)})
    return sample


def with_gradients(sample: Sample, random: np.random.Generator) -> Sample:
    """The graph with gradients of the sum of one output by its floating leaves; its inputs are finite."""
    graph = sample.graph
    floats = [node for node in graph.outputs if node.type.dtype.is_float]
    wrt = [node for node in (*graph.inputs, *graph.parameters) if node.type.dtype.is_float]
    if not floats or not wrt:
        return sample
    output = floats[int(random.integers(len(floats)))]
    total = (
        reduce(Reducer.SUM, output, range(output.type.rank), keepdims=False) if output.type.rank else output
    )
    try:
        found = [node for node in gradient(total, wrt) if node is not None]
    except GradientError:  # through an opaque call
        return sample
    made = Graph.of([*graph.outputs, *found], graph.updates, graph.inputs)
    return replace(sample, graph=made, special=frozenset())


def run_trial(trial: Trial, names: Sequence[str] = ()) -> None:
    """Runs a trial on backends (all, or those named). Raises WrongResultError, or whatever a part raises."""
    answers = [expected_answer(trial, number) for number in range(CALLS)]
    for name in names or backends():
        with tiles_of(trial.tile):
            _run_on(trial, name, answers)


def expected_answer(trial: Trial, number: int) -> Answer:
    """What the oracle says about the call of this number."""
    sample = trial.sample
    arguments = [np.array(item) for item in sample.arguments(number)]
    return oracle(sample.graph, arguments, sample.sizes(number))


@contextmanager
def tiles_of(size: int) -> Iterator[None]:
    """Cuts loops into small tiles, so that small arrays have several, and a last one that is ragged.

    Values are then parts of others in runs of so few elements too.
    """
    before = tiles.TILE, parts.RUN
    tiles.TILE, parts.RUN = size, min(size, parts.RUN)  # type: ignore[misc]  # Final for everybody else
    try:
        yield
    finally:
        tiles.TILE, parts.RUN = before  # type: ignore[misc]


def _run_on(trial: Trial, name: str, answers: Sequence[Answer]) -> None:
    try:
        _run_all(trial, name, answers)
    except LawError:
        if not trial.debug or not any(is_fragile(trial, *item) for item in enumerate(answers)):
            raise
        _run_all(replace(trial, debug=False), name, answers)


def _run_all(trial: Trial, name: str, answers: Sequence[Answer]) -> None:
    graph, backend = trial.sample.graph, backends()[name]
    debug: Debug = "passes" if trial.debug and hasattr(backend, "build_observed") else False
    options = CompileOptions(passes=trial.passes, backend=backend, donate=trial.donate, debug=debug)
    program = compile_source(graph, Structure("list", len(graph.outputs)), options)
    kept: list[tuple[list[Array], list[bytes]]] = []
    for number, expected in enumerate(answers):
        outputs = _call(trial, name, program, number, expected)
        kept.append((outputs, [array.tobytes() for array in outputs]))
    for outputs, before in kept:
        if [array.tobytes() for array in outputs] != before:
            raise WrongResultError(f"{name}: what a call returned was changed by another")


def _call(trial: Trial, name: str, program: Program, number: int, expected: Answer) -> list[Array]:
    """The outputs of a call; parameters have their values again afterwards."""
    sample, graph = trial.sample, trial.sample.graph
    arguments = [np.array(item) for item in sample.arguments(number)]
    buffers = [node.op.buffer for node in graph.parameters if isinstance(node.op, Parameter)]
    before = [buffer.array.copy() for buffer in buffers]
    given = [array.copy() for array in arguments]
    outputs = program(*given)
    updated = [node.op.buffer.array.copy() for node, _ in graph.updates if isinstance(node.op, Parameter)]
    for buffer, array in zip(buffers, before, strict=True):
        np.copyto(buffer.array, array)
    remark = difference(expected, [*outputs, *updated], finite_only=trial.kind == "unstable")
    if remark and not is_fragile(trial, number, expected):
        raise WrongResultError(f"{name}, call {number}: {remark}")
    for node, array, original in zip(graph.inputs, given, arguments, strict=True):
        if node.name not in trial.donate and array.tobytes() != original.tobytes():
            raise WrongResultError(f"{name}, call {number}: argument {node.name} was changed")
    return outputs


def is_fragile(trial: Trial, number: int, expected: Answer) -> bool:
    """Whether results depend on what is free, so that no two ways of computing them need agree.

    The larger of +0 and -0, and the smaller, has either sign, and so has a sum of zeros: a division by it
    has an infinity of either. A factor of all terms of a sum may be taken out of it: where that is infinite,
    so is the result, or NaN, and where it is 0, so is the result, of either sign; `zmul` is 0 of either sign
    too. In a gradient it is also the rounding of intermediate values: those that are nearly equal share a
    maximum's gradient in one way and not in another; and in an unstable form what magnifies it. Multiples of
    1/1024 count as exact.
    """
    disturbances: list[Disturbance] = [_with_other_zeros, _with_other_products]
    floats = [value for value in expected.values if value.dtype.kind == "f"]
    if trial.kind == "gradients" and not all(np.isfinite(value).all() for value in floats):
        return True
    if trial.kind in ("gradients", "unstable"):
        disturbances.append(_with_noise)
    sample = trial.sample
    sizes, arguments = sample.sizes(number), [np.array(item) for item in sample.arguments(number)]
    random = np.random.default_rng((trial.seed, 4))
    finite_only = trial.kind == "unstable"
    return any(
        difference(
            expected, _disturbed(sample.graph, arguments, sizes, disturb, random), finite_only=finite_only
        )
        for disturb in disturbances
        for _ in range(8)
    )


def _disturbed(
    graph: Graph,
    arguments: Sequence[Array],
    sizes: dict[str, int],
    disturb: Disturbance,
    random: np.random.Generator,
) -> list[Array]:
    """The results where the floating values of all nodes but leaves are disturbed."""
    values: dict[Node, Array] = dict(zip(graph.inputs, arguments, strict=True))
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            if isinstance(node.op, Parameter | Constant):
                values[node] = node.op.buffer.array
            elif node not in values:
                operands = [values[operand] for operand in node.operands]
                array = reference.compute(node, operands, sizes)
                values[node] = disturb(node, operands, array, random) if is_floating(array.dtype) else array
    return [values[node] for node in graph.results]


def _with_noise(_node: Node, _operands: Sequence[Array], array: Array, random: np.random.Generator) -> Array:
    """Every rounded value off by up to two units in its last place."""
    noise = 1 + random.integers(-2, 3, array.shape) * float(float_limits(array.dtype).eps)
    is_rounded = np.isfinite(array) & (array * 1024 != np.rint(array * 1024))
    return np.where(is_rounded, array * noise, array).astype(array.dtype)


def _with_other_zeros(
    node: Node, operands: Sequence[Array], array: Array, random: np.random.Generator
) -> Array:
    """Zeros that are a maximum or minimum of zeros of both signs, or a sum with -0, each with any sign."""
    op = node.op
    if not isinstance(op, MapReduce) or not (_is_extremum(op) or op.reducer is Reducer.SUM):
        return array
    is_free = (array == 0) & _meets_zero(op, operands, array.shape, True)
    if op.reducer is not Reducer.SUM:
        is_free &= _meets_zero(op, operands, array.shape, False)
    signs = np.where(random.random(array.shape) < 0.5, -0.0, 0.0).astype(array.dtype)
    return np.where(is_free, signs, array)


def _with_other_products(
    node: Node, _operands: Sequence[Array], array: Array, random: np.random.Generator
) -> Array:
    """Products that are 0, with any sign: of `zmul`, and sums of them; and such sums that are not finite."""
    op = node.op
    is_sum = op.has(Trait.CONTRACTION)
    if not is_sum and not (isinstance(op, MapReduce) and any(x.atom == "zmul" for x in op.formula.lines)):
        return array
    zeros = random.choice(np.array([0.0, -0.0], array.dtype), array.shape)
    others = random.choice(np.array([np.inf, -np.inf, np.nan], array.dtype), array.shape)
    return np.where(array == 0, zeros, np.where(np.isfinite(array) | (not is_sum), array, others))


def _is_extremum(op: MapReduce) -> bool:
    if op.reducer is Reducer.NONE:
        return op.formula.atom is not None and op.formula.atom.name in ("maximum", "minimum")
    return op.reducer in (Reducer.MAX, Reducer.MIN)


def _meets_zero(op: MapReduce, operands: Sequence[Array], shape: Sequence[int], sign: bool) -> Array:
    """For each element of the output: whether a zero of a sign is among the values that it is made from."""
    given, found = iter(operands), np.zeros((1,) * len(op.extents), np.bool_)
    for argument in op.arguments:
        value = next(given) if isinstance(argument, Access) else getattr(argument, "value", 1)
        is_zero = (np.asarray(value) == 0) & (np.signbit(value) == sign)
        if isinstance(argument, Access):
            is_zero = reference.over_loops(is_zero, argument.axes, len(op.extents))
        found = found | is_zero
    kept = [extent for extent, axis in zip(shape, op.output, strict=True) if axis is not None]
    return np.broadcast_to(found.any(axis=op.reduced), kept).reshape(shape)
