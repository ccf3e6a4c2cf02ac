"""`tt.compare`: one graph under several schedules."""

import json
import re
import tracemalloc

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError, BackendError
from compiler.ir.build import apply
from compiler.ir.node import make_node
from compiler.ir.op import Call
from compiler.pipeline.contract import Report
from compiler.report import measuring
from compiler.report.measuring import Roof
from compiler.rewrite.sweep import origin_of, sweep
from tinytorch.asking.compare import VARIANTS, bytes_text, time_text
from tinytorch.comparing.tables import MEMORY, TIMES


def example():
    x = tt.input("x", ("n", 64))
    return (
        x,
        tt.tanh(x * 2.0 + 1.0) @ tt.constant(np.eye(64, dtype=np.float32)),
        np.ones((300, 64), np.float32),
    )


def quick(*arguments, **named):
    return tt.compare(*arguments, rounds=2, seconds=0.002, **named)


def test_three_schedules_of_one_graph():
    x, y, argument = example()
    found = quick(x, [y, y * 2.0], data=[argument])
    assert [item.name for item in found.variants] == list(VARIANTS)
    unfused, fused, last = found.variants
    assert unfused.kernels > fused.kernels == last.kernels
    assert fused.peak_bytes.at(n=300) == fused.predicted_bytes
    assert unfused.predicted_bytes > fused.predicted_bytes >= last.predicted_bytes
    for item in found.variants:
        assert item.measured_bytes > item.predicted_bytes
        assert item.difference < 1e-6
        assert item.seconds > 0
        assert item.spread >= 0
    assert found["fused"] is fused
    with pytest.raises(ArgumentError, match="no variant is named 'best'; there are unfused, fused, fused"):
        found["best"]


def test_the_array_of_one_input_is_its_data():
    x, y, argument = example()
    program = tt.compile([x], y)
    for what in ((x, y), ([x], y), (program,), (program.source_graph,)):
        assert quick(*what, data=argument, variants={"all": None}).sizes == {"n": 300}


def test_whoever_traces_allocations_goes_on():
    x, y, argument = example()
    tracemalloc.start()
    try:
        quick(x, y, data=[argument], variants={"all": None})
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()
    quick(x, y, data=[argument], variants={"all": None})
    assert not tracemalloc.is_tracing()


def test_parameters_have_their_values_again():
    x = tt.input("x", (4,))
    w = tt.parameter(np.arange(4, dtype=np.float32), "w")
    found = quick(x, [w * x], data={"x": np.ones(4, np.float32)}, updates={w: w + x})
    np.testing.assert_array_equal(tt.value_of(w), np.arange(4))
    assert all(item.difference == 0 for item in found.variants)


def test_parameters_have_their_values_again_after_an_error():
    x, w = tt.input("x", (4,)), tt.parameter(np.zeros(4, np.float32), "w")
    with pytest.raises(tt.TinytorchError):
        quick(x, [w * x], data=[np.ones(5, np.float32)], updates={w: w + x})
    np.testing.assert_array_equal(tt.value_of(w), np.zeros(4))


class Doubles:
    """A pass that is wrong: it changes a literal of a multiplication."""

    name = "doubles"

    def rewrite(self, graph, target):
        def visit(old, node):
            if node.op.name == "mul" and len(node.operands) == 1:
                return apply("mul", node.operands[0], 2.002)
            return node

        return sweep(graph, visit), Report()


class Squares:
    """A pass that is wrong: it makes x * x into exp(x)."""

    name = "squares"

    def rewrite(self, graph, target):
        def visit(old, node):
            if node.op.name == "mul" and len(set(node.operands)) == 1 < len(node.operands):
                origin = origin_of(old, "squares", "x * x = exp(x)")
                return apply("exp", node.operands[0], origin=origin)
            return node

        return sweep(graph, visit), Report()


def test_what_differs_is_shown():
    x = tt.input("x", (4,))
    argument = np.arange(4, dtype=np.float32)
    found = quick(x, x * 2.0, data=[argument], variants={"right": (), "wrong": [Doubles()]})
    assert found["right"].difference == 0
    assert found["wrong"].difference == pytest.approx(1e-3, rel=1e-3)


def test_the_table_has_a_line_for_each():
    x, y, argument = example()
    found = quick(x, y, data=[argument])
    text = str(found)
    for item in found.variants:
        name = re.escape(item.name)
        assert re.search(rf"{name} .* {item.kernels} .* {item.roof:.0%} ", text)
        assert re.search(rf"{name} .*{re.escape(str(item.peak_bytes))} B", text)
    for heading in ("variant", *TIMES, *MEMORY):
        assert heading in text
    assert len({len(line) for line in text.splitlines()}) == 2


@pytest.mark.parametrize(("rounds", "seconds"), [(0, 0.1), (1, 0.0)])
def test_no_time_is_an_error(rounds, seconds):
    x, y, argument = example()
    with pytest.raises(ArgumentError, match="at least one round"):
        tt.compare(x, y, data=[argument], rounds=rounds, seconds=seconds)


def test_units():
    assert [time_text(n) for n in (2.0, 1.25e-3, 3e-6, 4e-8)] == ["2 s", "1.25 ms", "3 us", "40 ns"]
    assert [bytes_text(n) for n in (7, 64_000, 1.5e6, 2e9)] == ["7 B", "64 kB", "1.5 MB", "2 GB"]
    assert [time_text(0.9997), bytes_text(999_700), bytes_text(2.5e12)] == ["1000 ms", "1000 kB", "2.5 TB"]


def test_the_last_variant_is_what_compile_makes():
    x, w = tt.input("x", ("n", 8)), tt.parameter(np.ones((8, 8), np.float32), "w")
    y = tt.relu(x @ w + 1.0)
    found = quick([x], y, data=[np.ones((3, 8), np.float32)])
    assert str(found["fused + in place"].program.schedule) == str(tt.compile([x], y).schedule)


def test_one_input_may_be_given_as_it_is_and_a_variant_as_one_name():
    x = tt.input("x", (3,))
    found = quick(
        x, tt.exp(x) * 2.0, data=np.ones(3, np.float32), variants={"a": (), "b": "fuse_elementwise"}
    )
    assert [item.kernels for item in found.variants] == [2, 1]
    assert repr(found) == str(found)


@pytest.mark.parametrize(
    "wrong", [{"rounds": 1.5}, {"rounds": 0}, {"seconds": 0}, {"seconds": float("nan")}, {"variants": {}}]
)
def test_what_cannot_be_measured_is_refused(wrong):
    x = tt.input("x", (3,))
    with pytest.raises(ArgumentError, match="at least one"):
        tt.compare(x, x * 2.0, data=np.ones(3, np.float32), **wrong)


def squared():
    x = tt.input("x", ("n", 4))
    y = tt.tanh(x)
    return (
        x,
        tt.softmax((y * y).named("square") * 3.0),
        np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4),
    )


@pytest.mark.parametrize("later", [(), tt.default_passes()])
def test_a_rule_made_wrong_on_purpose_is_found_and_named(later):
    x, y, argument = squared()
    found = quick(x, y, data=argument, variants={"right": (), "wrong": [Squares(), *later]})
    parting = found["wrong"].parting
    assert found["right"].parting is None
    assert parting.name == "%square"
    assert parting.wrong == ("wrong",)
    assert parting.between == ("right", "wrong")
    assert "pass squares changes the value of %square" in parting.reason
    assert "`x * x = exp(x)`" in parting.reason
    assert __file__ in parting.source
    assert abs(float(parting.exact) - parting.found[0]) < 1e-6 < abs(parting.found[1] - parting.found[0])
    text = str(found)
    assert "wrong parts from right at %square" in text
    assert json.loads(json.dumps(found.to_dict()))["variants"][1]["parting"]["node"] == "%square"


def test_the_first_variant_may_be_the_wrong_one():
    x, y, argument = squared()
    found = quick(x, y, data=argument, variants={"wrong": [Squares()], "right": ()})
    assert found["right"].parting.wrong == ("wrong",)
    assert found["right"].parting.name == "%square"


def test_what_is_made_stable_parts_by_design():
    x = tt.input("x", (2, 3))
    y = (tt.exp(x) / tt.exp(x).sum(1, keepdims=True)).named("share")
    argument = np.full((2, 3), 1000, np.float32)
    found = quick(x, y, data=argument, variants={"as written": (), "stable": "simplify"})
    parting = found["stable"].parting
    assert parting.name == "%share"
    assert parting.wrong == ()
    assert np.isnan(parting.found[0])
    assert parting.found[1] == pytest.approx(1 / 3)
    assert "simplify" in parting.reason
    assert found["stable"].difference == np.inf


def test_a_variant_has_a_backend_threads_and_passes():
    x, y, argument = example()
    variants = {
        "native": tt.Variant(backend="llvm", threads=1),
        "numpy": tt.Variant(backend="numpy", in_place=False),
        "plain": tt.Variant("simplify"),
        "without": tt.Variant(without=("inplace", "fuse_elementwise")),
    }
    before = tt.get_num_threads()
    found = quick(x, y, data=[argument], variants=variants, backend="reference")
    assert tt.get_num_threads() == before
    assert [item.program.backend for item in found] == ["llvm", "numpy", "reference", "reference"]
    ran = [[record.name for record in item.program.history] for item in found]
    assert ran[1] == [item.name for item in tt.default_passes(without="inplace")]
    assert ran[2] == ["simplify"]
    assert ran[3] == [item.name for item in tt.default_passes(without=("inplace", "fuse_elementwise"))]
    assert all(item.parting is None for item in found)
    assert all(item.flops == found["native"].flops for item in found)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (tt.Variant(without="fuse"), "no pass of the variant is named 'fuse'; they are "),
        (tt.Variant(threads=0), "variant 'a': threads are a positive integer, not 0"),
        (tt.Variant(threads=1.5), "threads are a positive integer"),
    ],
)
def test_a_variant_that_is_none(wrong, said):
    x = tt.input("x", (3,))
    with pytest.raises(ArgumentError, match=said):
        quick(x, x * 2.0, data=np.ones(3, np.float32), variants={"a": wrong})


def test_threads_without_native_code_are_an_error(monkeypatch):
    monkeypatch.setattr("compiler.backends.llvm.backend.Llvm.is_available", False)
    x = tt.input("x", (3,))
    variants = {"a": tt.Variant(threads=2, backend="numpy")}
    with pytest.raises(BackendError, match="only the llvm backend uses threads"):
        quick(x, x * 2.0, data=np.ones(3, np.float32), variants=variants)


def test_a_graph_and_a_program_can_be_compared():
    x, w = tt.input("x", (4,)), tt.parameter(np.arange(4, dtype=np.float32), "w")
    program = tt.compile([x], (w * x).sum(), updates={w: w + x})
    for given in (program, program.source_graph):
        found = quick(given, data={"x": np.ones(4, np.float32)})
        assert [output.name for output in found.variants[0].outputs] == ["%1", "%w"]
        assert found["fused"].difference == 0
    np.testing.assert_array_equal(tt.value_of(w), np.arange(4))


def test_every_round_begins_with_the_same_parameters():
    seen = []
    x, w = tt.input("x", (1,)), tt.parameter(np.ones(1, np.float32), "w")
    look = Call("look", lambda array: seen.append(float(array[0])) or array, w.node.type)
    y = tt.Tensor(make_node(look, [w.node])) * x
    variants = {"a": (), "b": ()}
    tt.compare(
        x, y, data=np.ones(1, np.float32), updates={w: w * 2.0}, variants=variants, rounds=3, seconds=1e-9
    )
    assert seen == [1.0] * 8  # two first calls, and three rounds of one each
    assert tt.value_of(w)[0] == 1


def test_costs_and_the_roof():
    x, y, argument = example()
    found = quick(x, y, data=[argument])
    for item in found:
        total = item.program.cost.at(n=300).total
        assert (item.flops, item.bytes_moved) == (total.flops, total.bytes_moved)
        least = sum(found.roof.least_seconds(cost) for cost in item.program.cost.at(n=300).kernels)
        assert item.roof * item.seconds == pytest.approx(least)
        assert 0 < item.roof <= 1 + 1e-9
    assert found.sizes == {"n": 300}


def test_a_plot_and_a_page(tmp_path):
    pytest.importorskip("matplotlib")
    x, y, argument = squared()
    found = quick(x, y, data=argument, variants={"<b>": (), "wrong": [Squares()]})
    figure = found.plot(tmp_path / "a.svg")
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["<b>", "wrong"]
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")
    page = found.report(tmp_path / "a.html").read_text()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page.partition("<figure>")[0]
    assert "wrong parts from &lt;b&gt; at %square" in page
    assert page.count("<svg") == 2
    data = page.partition('type="application/json">')[2].partition("</script>")[0]
    assert json.loads(data) == json.loads(json.dumps(found.to_dict()))


def test_a_picture_is_of_the_first_and_the_last(tmp_path):
    x, y, argument = squared()
    found = quick(x, y, data=argument, variants={"a": (), "b": "simplify", "c": tt.Variant()})
    text = found.draw(tmp_path / "a.dot").read_text()
    headings = set(re.findall(r"<([abc] \([\d.]+ us\)): forward>", text))
    assert sorted(heading[0] for heading in headings) == ["a", "c"]
    with pytest.raises(ArgumentError, match="no variant is named 'd'"):
        found.draw(tmp_path / "a.dot", ["d"])


def test_the_roof_is_at_least_what_was_reached(monkeypatch):
    low = Roof(1e-9, ((2**15, 1e-9), (2**27, 1e-9)))
    monkeypatch.setattr(measuring, "machine_roof", lambda: low)
    x, y, argument = example()
    found = quick(x, y, data=[argument])
    assert max(item.roof for item in found) == pytest.approx(1)
    assert found.roof.gflops > low.gflops
