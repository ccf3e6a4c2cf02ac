"""Debug mode names the pass, the rule and the node that compute something else, and no pass that does not."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

import tinytorch as tt
from compiler.driver import CompileOptions, compile_source
from compiler.errors import LawError
from compiler.ir.build import apply
from compiler.ir.graph import Graph
from compiler.ir.node import Node, make_node
from compiler.ir.op import MapReduce, Slice, Transpose
from compiler.pipeline.contract import Action, Report
from compiler.rewrite.patterns import single_atom
from compiler.rewrite.sweep import origin_of, sweep
from compiler.structure import Structure
from passes import REWRITES, SCHEDULING
from tests.benchmarks import workloads
from tests.benchmarks.systems import ours
from tests.properties.trial import CALLS, backends, is_fragile, make_trial
from tests.properties.trial import expected_answer as answer
from tinytorch.testing.programs import PROGRAMS


@dataclass(frozen=True)
class Plugin:
    """A pass of one rule, which takes a node of an atom (or another op) and its operands."""

    on: str
    rule: str
    make: Callable[..., Node | None]
    is_silent: bool = False

    @property
    def name(self) -> str:
        return "plugin"

    def rewrite(self, graph: Graph, target: object) -> tuple[Graph, Report]:
        actions: list[Action] = []

        def visit(old: Node, node: Node) -> Node:
            if self.on not in (single_atom(node), node.op.name):
                return node
            origin = old.origin if self.is_silent else origin_of(old, self.name, self.rule)
            new = self.make(node, origin)
            if new is None:
                return node
            actions.append(Action((old,), self.rule))
            return new

        return sweep(graph, visit), Report(tuple(actions))


def atoms(name: str, *operands: int) -> Callable[..., Node]:
    """The rule that makes one atom of some of the operands."""
    return lambda node, origin: apply(name, *(node.operands[k] for k in operands), origin=origin)


def operand(node: Node, _origin: object) -> Node:
    return node.operands[0]


def scaled(share: float) -> Callable[..., Node]:
    def make(node: Node, origin: object) -> Node:
        again = make_node(node.op, node.operands, origin=origin)
        return apply("mul", again, share, dtype=node.type.dtype, origin=origin)

    return make


def other_axis(node: Node, origin: object) -> Node | None:
    op = node.op
    assert isinstance(op, MapReduce)
    turned = make_node(Transpose((1, 0)), node.operands, origin=origin)
    return make_node(op, [turned], origin=origin) if node.type.rank == 1 else None


def reversed_slice(node: Node, origin: object) -> Node:
    op = node.op
    assert isinstance(op, Slice)
    return make_node(Slice((1,), op.sizes, op.steps), node.operands, origin=origin)


X = np.float32([[1.5, 2.0, -3.0], [0.25, -1.0, 4.0], [2.5, 1.0, 0.5]])

WRONG = {
    "a square is an exponential": (Plugin("mul", "x * x = exp(x)", atoms("exp", 0)), lambda x: x * x),
    "a sign": (Plugin("sub", "x - y = y - x", atoms("sub", 1, 0)), lambda x: tt.tanh(x) - tt.sin(x)),
    "negative numbers alone": (Plugin("abs", "abs(x) = x", operand), lambda x: abs(x) + 1),
    "a root of a square": (Plugin("sqrt", "sqrt(y) = y", operand), lambda x: tt.sqrt(x * x + 1) * 2),
    "a ten thousandth": (
        Plugin("tanh", "tanh(x) = 1.0001 tanh(x)", scaled(1.0001)),
        lambda x: tt.tanh(x) * 3,
    ),
    "an axis": (Plugin("sum", "sum(x) = sum(x.T)", other_axis), lambda x: x.sum(0) * 2),
    "a comparison": (
        Plugin("lt", "x < y = y < x", atoms("lt", 1, 0)),
        lambda x: tt.where(x < tt.exp(x), x, 1),
    ),
    "an integer": (
        Plugin("floor", "floor(x) = ceil(x)", atoms("ceil", 0)),
        lambda x: tt.floor(x).astype("int32"),
    ),
    "a part": (Plugin("slice", "x[:2] = x[1:]", reversed_slice), lambda x: tt.exp(x.sum(1)[:2])),
}


@pytest.mark.parametrize("place", ["alone", "first", "last"])
@pytest.mark.parametrize("is_silent", [False, True])
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rule_is_found_and_named(name, is_silent, place):
    plugin, make = WRONG[name]
    plugin = Plugin(plugin.on, plugin.rule, plugin.make, is_silent)
    passes = {"alone": (plugin,), "first": (plugin, *REWRITES), "last": (*REWRITES, plugin)}[place]
    x = tt.input("x", (3, 3))
    y = make(x)
    program = tt.compile([x], [x + 1, y], passes=(*passes, *SCHEDULING), debug="passes")
    with pytest.raises(tt.PassError) as caught:
        program(X)
    text = str(caught.value)
    assert text.startswith("pass plugin changes the value of ")
    assert f"by its rule `{plugin.rule}`" in text
    assert "test_rewrites.py:" in text
    assert "so output 1 would be wrong" in text


def test_the_sentence_says_what_it_was_and_is_and_where():
    plugin, _ = WRONG["negative numbers alone"]
    x = tt.input("x", ("n", 3))
    program = tt.compile([x], abs(x).named("size") + 1, passes=(plugin,), debug="passes")
    with pytest.raises(tt.PassError) as caught:
        program(X)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("pass plugin changes the value of %0, a result of add : f32[n,3], from ")
    assert lines[0].endswith("by its rule `abs(x) = x`")
    assert lines[1:] == [
        "  before: %0 = add(%size, 1) : f32[n,3]",
        "  after:  %0 = add(%x, 1) : f32[n,3]",
        "  of 9 elements 2 differ, the most at [0, 2]: it was 4.0 and is -2.0",
        "  exactly it is 4.0",
        "  so output 0 would be wrong",
    ]


def test_an_update_alone_is_looked_at_too():
    w, x = tt.parameter(np.ones(3, np.float32), "w"), tt.input("x", (3,))
    plugin = Plugin("sub", "x - y = x + y", atoms("add", 0, 1))
    program = tt.compile([x], w * x, updates={w: w - 0.5 * x}, passes=(plugin,), debug="passes")
    with pytest.raises(tt.PassError, match=r"(?s)`x - y = x \+ y`.*so the next value of %w would be wrong"):
        program(np.float32([1, 2, 3]))
    np.testing.assert_array_equal(tt.value_of(w), [1, 1, 1])


def test_the_first_of_two_wrong_rules_is_named_inside_a_network():
    x = tt.input("x", ("n", 6))
    network = tt.nn.Sequential(tt.nn.Dense(6, 5, seed=0), tt.nn.Tanh(), tt.nn.Dense(5, 2, seed=1))
    plugins = (
        Plugin("tanh", "tanh(x) = sin(x)", atoms("sin", 0)),
        Plugin("sin", "sin = cos", atoms("cos", 0)),
    )
    program = tt.compile([x], network(x), passes=(*REWRITES, *plugins), debug="passes")
    with pytest.raises(tt.PassError, match=r"`tanh\(x\) = sin\(x\)`"):
        program(np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32))


def test_a_small_element_beside_a_large_one_is_seen():
    x = tt.input("x", (3,))
    program = tt.compile([x], x * x, passes=(WRONG["a square is an exponential"][0],), debug="passes")
    for array in ([1e6, 1.0, -3.0], [1e30, 0.0, 2.0]):
        with pytest.raises(tt.PassError, match="plugin"):
            program(np.float32(array))


def test_a_rule_that_fails_where_there_is_no_number_is_wrong():
    def zero_or_nan(node: Node, origin: object) -> Node:
        x = node.operands[0]
        return apply("where", apply("isnan", x, origin=origin), x, 0.0, origin=origin)

    x = tt.input("x", (2,))
    program = tt.compile([x], x - x, passes=(Plugin("sub", "x - x = 0", zero_or_nan),), debug="passes")
    program(np.float32([1, 2]))
    program(np.float32([1, np.nan]))
    with pytest.raises(tt.PassError, match=r"it was nan and is 0.0\n  exactly it is nan"):
        program(np.float32([1, np.inf]))


def test_a_form_that_overflows_where_the_written_one_does_not_is_wrong():
    def naive(node: Node, origin: object) -> Node:
        raised = apply("exp", node.operands[0], origin=origin)
        return apply("log", apply("add", 1, raised, origin=origin), origin=origin)

    x = tt.input("x", (2,))
    plugin = Plugin("softplus", "softplus(x) = log(1 + exp(x))", naive)
    y = tt.Tensor(apply("softplus", x.node))
    program = tt.compile([x], y, passes=(plugin,), debug="passes")
    program(np.float32([1, -2]))
    with pytest.raises(tt.PassError, match=r"it was 1000.0 and is inf\n  exactly it is 1000.0"):
        program(np.float32([1, 1000]))


def test_a_stable_form_with_a_mistake_is_wrong_where_the_written_one_overflows():
    def shifted(node: Node, origin: object) -> Node:
        x = node.operands[0].operands[0].operands[0]
        half = apply("mul", x, 0.5, origin=origin)
        return apply("add", half, apply("softplus", half, origin=origin), origin=origin)

    x = tt.input("x", (2,))
    plugin = Plugin("log", "log(1 + exp(x)) is about x", shifted)
    program = tt.compile([x], tt.log(tt.exp(x) + 1), passes=(plugin,), debug="passes")
    program(np.float32([1000, 900]))  # x / 2 + softplus(x / 2) is x there
    with pytest.raises(tt.PassError, match="plugin"):
        program(np.float32([90, 1]))


def naive_forms(x: tt.Tensor) -> dict[str, tt.Tensor]:
    """What rewrites make stabler, each as somebody writes it."""
    e = tt.exp(x)
    s = e.sum(1, keepdims=True)
    return {
        "softmax": e / s,
        "log softmax": tt.log(e / s),
        "log sum exp": tt.log(tt.exp(x).sum(1)),
        "softplus": tt.log(1 + tt.exp(x)),
        "sigmoid": 1 / (1 + tt.exp(-x)),
        "log of 1 - sigmoid": tt.log(1 - tt.sigmoid(x)),
        "log sigmoid": tt.log(tt.sigmoid(x)),
        "1 / softplus": 1 / tt.log(1 + tt.exp(-x)),
        "argmax of softmax": (e / s).argmax(1),
        "softmax above a half": (e / s) > 0.5,
        "root of a square": (x * x) ** 0.5,
        "variance": (x * x).mean(1) - x.mean(1) ** 2,
    }


NAIVE = sorted(naive_forms(tt.input("x", (4, 5))))
NORMAL = np.random.default_rng(0).standard_normal((4, 5))
DATA = {
    "normal": NORMAL,
    "1000": NORMAL * 1000,
    "30": NORMAL * 30,
    "88": NORMAL + 88,
    "special": np.array(
        [[np.inf, -np.inf, np.nan, 0, -0.0], [1e38, -1e38, 1, 2, 3], [-1000] * 5, [np.inf, 1, 2, 3, 4]]
    ),
    "infinite": np.array([[-np.inf] * 5, [np.inf] * 5, [np.inf, 1, 2, 3, 4], [-np.inf, 1, 2, 3, 4]]),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAIVE)
def test_a_stabilising_rewrite_is_no_mistake(name, dtype):
    x = tt.input("x", (4, 5), dtype)
    y = naive_forms(x)[name]
    outputs = [y, tt.grad(y.sum(), x)] if y.dtype.is_float else [y]
    for passes in (tt.default_passes(), ("simplify",), (*REWRITES[::-1], *SCHEDULING), ()):
        program = tt.compile([x], outputs, passes=passes, debug="passes")
        for data in DATA.values():
            program(data.astype(dtype))


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("order", [1, -1])
def test_no_pass_is_blamed_for_the_test_programs(name, order):
    item = PROGRAMS[name]()
    passes = (*REWRITES[::order], *SCHEDULING[::order])
    program = tt.compile(item.inputs, item.outputs, updates=item.updates, passes=passes, debug="passes")
    for scale in (1, 100):
        program(*(x * x.dtype.type(scale) if x.dtype.kind == "f" else x for x in item.data))


def test_no_pass_is_blamed_for_the_benchmarks(monkeypatch):
    x, b = workloads.activation_data()
    monkeypatch.setattr(workloads, "activation_data", lambda: (x[:9], b))
    rows = tuple(array[:9] for array in workloads.logits_and_labels())
    monkeypatch.setattr(workloads, "logits_and_labels", lambda: rows)
    monkeypatch.setattr(workloads, "deep", lambda: workloads.sized("net-8-16-50"))
    for name in workloads.NAMES:
        program, arguments = ours.build(name, backend="numpy", debug="passes")
        for _ in range(2):
            program(*arguments)


@pytest.mark.parametrize("block", range(4))
def test_no_pass_is_blamed_for_random_programs(block):
    for seed in range(block * 15, (block + 1) * 15):
        trial = make_trial(seed)
        sample = trial.sample
        options = CompileOptions(passes=trial.passes, backend=backends()["numpy"], debug="passes")
        program = compile_source(sample.graph, Structure("list", len(sample.graph.outputs)), options)
        for number in range(CALLS):
            expected = answer(trial, number)
            try:
                program(*(np.array(item) for item in sample.arguments(number)))
            except LawError:  # a kernel's freedom in what has no one answer
                assert is_fragile(trial, number, expected), seed
