"""Every rule of simplify, at special values and random bits: bit for bit, or against mpmath."""

from typing import Any

import mpmath
import numpy as np
import pytest

from compiler.backends.reference import run
from compiler.errors import DTypeError
from compiler.ir.build import apply, input_node
from compiler.ir.dims import symbol
from compiler.ir.formula.equations import equations
from compiler.ir.formula.tape import Formula
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.types import BOOL, DType, TensorType
from compiler.rewrite.patterns import Kind, Rule
from compiler.schedule.target import Target
from passes.simplify import NO_RULES, RULES, Simplify

LITERALS = [0, 0.0, -0.0, 1, 2, -1, 3.0, 0.1, -2.5, 0.5, 1024, 2.0**-90, np.inf, -np.inf, np.nan]
SPECIAL = [0.0, -0.0, 1, -1, 0.5, -2, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 3e38, 1e-310, 1.7e308]


def samples(dtype: DType, seed: int) -> np.ndarray[Any, Any]:
    """Special values, random bits, and moderate numbers."""
    random = np.random.default_rng(seed)
    if dtype is BOOL:
        return np.array([True, False] * 32)
    bits = random.integers(0, 256, 24 * dtype.size, dtype=np.uint8).view(dtype.numpy)
    if dtype.is_integer:
        few = np.array([0, 1, -1, np.iinfo(dtype.numpy).min]).astype(dtype.numpy)
        return np.concatenate([few, bits, bits % 7]).astype(dtype.numpy)
    moderate = random.standard_normal(26)
    with np.errstate(all="ignore"):
        return np.concatenate([np.array(SPECIAL), bits, moderate]).astype(dtype.numpy)


def written(formula: Formula, dtype: DType, literal: Any) -> tuple[Node, list[Node]]:
    """A formula as one node a line, of inputs that take every pair of samples."""
    inputs: dict[str, Node] = {}

    def value(name: str) -> Any:
        if name in ("c", "d"):
            return literal
        kind = BOOL if name == "p" else dtype
        return inputs.setdefault(name, input_node(name, TensorType(kind, (symbol("n"),))))

    class Table(dict[str, Any]):
        def __missing__(self, atom: str) -> Any:
            return lambda *values: apply(atom, *values)

    arguments = [value(name) for name in formula.parameters]
    result = formula.evaluate(Table(), arguments, lambda number: number)
    if not isinstance(result, Node):
        raise DTypeError("nothing but literals")
    return result, [inputs[name] for name in inputs]


def values_of(graph: Graph, dtype: DType) -> np.ndarray[Any, Any]:
    columns = [
        samples(BOOL if node.type.dtype is BOOL else dtype, seed) for seed, node in enumerate(graph.inputs)
    ]
    grid = np.meshgrid(*columns, indexing="ij")
    leaves = {node: axis.reshape(-1).copy() for node, axis in zip(graph.inputs, grid, strict=True)}
    sizes = {"n": grid[0].size if grid else 1}
    return run(graph, leaves, sizes)[graph.outputs[0]]


def bits(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The bits, all NaNs made one."""
    if array.dtype.kind in "biu":
        return array
    return np.where(np.isnan(array), array.dtype.type(np.nan), array).view(f"u{array.dtype.itemsize}")


def applications(rule: Rule, simplify: Simplify) -> list[tuple[Graph, Graph, DType]]:
    """Graphs before and after, for each dtype and literal at which a rule applies."""
    found = []
    for dtype in DType:
        for literal in LITERALS if "c" in rule.pattern.parameters else [None]:
            try:
                node, inputs = written(rule.pattern, dtype, literal)
            except DTypeError:
                continue
            graph = Graph.of([node], (), inputs)
            after, report = simplify.rewrite(graph, Target())
            if any(rule.text in str(action) for action in report.actions):
                found.append((graph, after, dtype))
    return found


@pytest.mark.parametrize("rule", [item for item in RULES if item.kind is Kind.EXACT], ids=str)
def test_an_exact_rule_keeps_every_bit(rule):
    found = applications(rule, Simplify(stabilising=False))
    assert found, "the rule never applies"
    for before, after, dtype in found:
        assert len(after) <= len(before)
        with np.errstate(all="ignore"):
            want, got = values_of(before, dtype), values_of(after, dtype)
        assert want.dtype == got.dtype
        assert np.array_equal(bits(want), bits(got)), str(before)


@pytest.mark.parametrize("rule", [item for item, _ in NO_RULES], ids=str)
def test_what_is_no_rule_would_change_bits(rule):
    changed = []
    for dtype in (DType.FLOAT32, DType.FLOAT64):
        before, inputs = written(rule.pattern, dtype, 0.0)
        value = rule.replacement.result
        after = apply("neg", apply("neg", inputs[0])) if isinstance(value, int) else None
        want = values_of(Graph.of([before], (), inputs), dtype)
        got = values_of(Graph.of([after], (), inputs), dtype) if after else np.full_like(want, value.value)
        changed.append(not np.array_equal(bits(want), bits(got)))
    assert all(changed)


STABILISING = [item for item in RULES if item.kind is Kind.STABILISING]
MODERATE = np.concatenate([np.linspace(-4, 4, 101), np.logspace(-8, 2, 41), -np.logspace(-8, 2, 41)])
PRECISE = {
    "x ** 2 = x * x": lambda x: x * x,
    "x ** -1 = 1 / x": lambda x: 1 / x,
    "log(1 + exp(x)) = softplus(x)": lambda x: mpmath.log(1 + mpmath.exp(x)),
    "1 / (1 + exp(-x)) = sigmoid(x)": lambda x: 1 / (1 + mpmath.exp(-x)),
    "(exp(x) - exp(-x)) / (exp(x) + exp(-x)) = tanh(x)": mpmath.tanh,
    "1 - tanh(x) ** 2 = sech2(x)": lambda x: mpmath.sech(x) ** 2,
    "1 - erf(x) = erfc(x)": mpmath.erfc,
    "exp(x) - 1 = expm1(x)": mpmath.expm1,
    "log(1 + x) = log1p(x)": mpmath.log1p,
    "x * log(x) = zmul(x, log(x))": lambda x: x * mpmath.log(x),
}


def largest_error(values: np.ndarray[Any, Any], exact: list[Any]) -> float:
    """The largest relative error; infinite where something finite was missed."""
    worst = 0.0
    for value, want in zip(values.tolist(), exact, strict=True):
        if not np.isfinite(value):
            return np.inf
        smallest = mpmath.mpf(float(np.finfo(values.dtype).tiny))
        worst = max(worst, float(abs(value - want) / max(abs(want), smallest)))
    return worst


@pytest.mark.parametrize("dtype", [DType.FLOAT32, DType.FLOAT64], ids=str)
@pytest.mark.parametrize("rule", [*STABILISING, *equations()], ids=lambda rule: rule.text)
def test_a_stabilising_rule_is_nearer_to_the_real_number(rule, dtype):
    node, inputs = written(rule.pattern, dtype, None)
    graph = Graph.of([node], (), inputs)
    after, report = Simplify().rewrite(graph, Target())
    assert report.actions
    points = MODERATE.astype(dtype.numpy)
    if "log(x)" in rule.text or "log(1 + x)" in rule.text:
        points = np.abs(points)
    points = points[points != 0]
    sizes = {"n": points.size}
    old, new = (run(item, {inputs[0]: points}, sizes)[item.outputs[0]] for item in (graph, after))
    with mpmath.workdps(60):
        exact = [PRECISE[rule.text](mpmath.mpf(float(point))) for point in points]
        assert largest_error(new, exact) <= max(
            largest_error(old, exact), 2 * float(np.finfo(dtype.numpy).eps)
        )
