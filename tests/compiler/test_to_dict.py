"""What can be asked is data that JSON can hold: numbers as numbers, polynomials as text."""

import json
from functools import cache

import numpy as np
import pytest

import tinytorch as tt
from compiler.ir.plain import plain
from tinytorch.testing import PROGRAMS


@cache
def built(name):
    made = PROGRAMS[name]()
    return tt.compile(made.inputs, made.outputs, updates=made.updates, backend="numpy"), made


def as_json(thing):
    """What comes back from a JSON text; a value that JSON has no word for is an error."""
    data = thing.to_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    return data


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_answer_about_a_program_is_json(name):
    program, made = built(name)
    _, sizes = program.signature.bind(made.data, {})
    cost = program.cost
    at, moment = as_json(cost.at(**sizes)), as_json(program.memory.at(**sizes))
    assert [item["name"] for item in as_json(cost)["kernels"]] == [item["name"] for item in at["kernels"]]
    assert at["total"]["flops"] == cost.total.at(**sizes).flops
    assert moment["total_bytes"] == program.memory.at(**sizes).total_bytes
    memory = as_json(program.memory)
    assert sum(item["kind"] == "inputs" for item in memory["holders"]) == len(made.inputs)
    plan = as_json(program.plan)
    assert len(plan["values"]) == len(program.plan.places)
    assert plan["peak_bytes"] == plain(program.plan.peak_bytes)
    for breakdown in (cost.by_scope(), cost.by_line()):
        assert sum(row["nodes"] for row in as_json(breakdown)["rows"]) == len(cost.by_node)
    for record in program.history:
        found = as_json(record)
        assert (len(found["done"]), len(found["refused"])) == (
            len(record.report.actions),
            len(record.report.refusals),
        )
    for place, kernel in enumerate(program.schedule.kernels):
        assert as_json(program.why(kernel))["kernels"] == [place]
        assert len(as_json(program.explain(kernel))["members"]) == len(kernel.members)


@pytest.mark.parametrize("name", ["training step", "small extents", "updates"])
def test_a_profile_is_json(name):
    program, made = built(name)
    found = program.profile(*made.data, seconds=0.001)
    data = as_json(found)
    assert [item["microseconds"] for item in data["kernels"]] == [item.microseconds for item in found.kernels]
    assert data["sizes"] == found.sizes
    assert as_json(found.by_scope())["rows"][0]["microseconds"] >= 0


def test_counts_are_numbers_or_the_text_of_polynomials():
    x = tt.input("x", ("n", 4))
    program = tt.compile([x], tt.exp(x) + 1.0, backend="numpy")
    total = as_json(program.cost)["total"]
    assert total["flops"] == "8*n"
    assert total["intensity"] == 0.25
    assert as_json(program.cost.at(n=3))["total"]["flops"] == 24
    assert as_json(program.memory)["by_kind"]["inputs"] == "16*n"


def test_places_say_where_a_value_lives():
    x, w = tt.input("x", (4,)), tt.parameter(np.ones(4, np.float32), "w")
    h = tt.exp(x).named("h")
    program = tt.compile([x], [h[::2] @ h[1::2], h], updates={w: w * h}, backend="reference", passes=())
    places = {item["name"]: item["place"] for item in as_json(program.plan)["values"]}
    assert places["%x"] == {"kind": "leaf"}
    assert places["%h"] == {"kind": "output", "position": 1}
    views = [item for item in places.values() if item["kind"] == "view"]
    assert {"kind": "view", "of": "%h", "offset": 1, "strides": [2]} in views
    assert {"kind": "parameter", "name": "%w"} in places.values()


def test_why_names_what_is_fused_and_written_over():
    x = tt.input("x", ("n",))
    h = tt.exp(x).named("h")
    program = tt.compile([x], tt.tanh(h).named("y"), backend="numpy")
    found = as_json(program.why(h))
    assert found["fused_with"] == ["%y"]
    assert found["images"] == [{"line": "%h = exp(%x) : f32[n]", "place": None}]
    decision = found["decisions"][-1]
    assert decision["maker"] == "fuse_elementwise"
    assert set(decision["values"]) == {"%h", "%y"}


def test_an_explanation_says_what_a_gradient_is_of():
    x = tt.input("x", (3,))
    y = tt.sin(x).named("y")
    found = as_json(tt.explain(tt.grad(y.sum(), x)))
    assert found["maker"] == "grad"
    assert found["of"].startswith("%y")
    assert any("cos(x)" in line for line in found["derivation"])


def test_a_comparison_is_json():
    x = tt.input("x", (3,))
    found = tt.compare([x], [tt.log(x)], data=[[1.0, 2.0, 3.0]], rounds=1, seconds=0.001, backend="numpy")
    data = as_json(found)["variants"]
    assert [item["name"] for item in data] == [item.name for item in found.variants]
    assert data[1]["difference"] == 0
    assert "program" not in data[0]


def test_what_json_has_no_word_for():
    assert plain(float("nan")) is None
    assert plain(float("-inf")) == "-inf"
    assert plain(2 * tt.input("x", ("n",)).shape[0]) == "2*n"
    assert (plain(3), plain(0.5)) == (3, 0.5)
