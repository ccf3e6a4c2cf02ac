"""The data of a report by itself, and the page around it."""

import json
import re
from typing import Any

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.backend import Llvm
from compiler.ir.dims import symbol
from compiler.program import Program
from compiler.report.data import report_data
from compiler.report.page import PAGES, page, part, script_of
from compiler.report.tables import Polynomials
from compiler.schedule.memory import Kind
from tests.compiler.report.models import of_testing, three_layers, transformer

NAMES = list(tt.testing.PROGRAMS)


def data_of(program: Program) -> dict[str, Any]:
    """The data as the page reads it."""
    return json.loads(json.dumps(report_data(program), allow_nan=False))


def value(data: dict[str, Any], number: int, sizes: dict[str, int]) -> int:
    """What the page makes of a polynomial."""
    found = data["polynomials"][number]
    if isinstance(found, int):
        return found
    total = 0
    for coefficient, *factors in found:
        for name, power in zip(factors[::2], factors[1::2], strict=True):
            coefficient *= sizes[name] ** power
        total += coefficient
    return total


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "options", [{}, {"passes": ()}, {"backend": "numpy"}], ids=["llvm", "no passes", "numpy"]
)
def test_every_node_of_every_program_has_what_its_panel_shows(name: str, options: dict[str, Any]) -> None:
    program = of_testing(name, **options)
    data = data_of(program)
    texts = data["strings"]
    shown = {state["name"]: (slot, state) for slot in data["slots"] for state in slot["states"]}
    for graph in (program.source_graph, program.graph):
        for node in graph.nodes:
            slot, state = shown[graph.names.values[node]]
            assert texts[state["op"]]
            assert texts[state["type"]] == str(node.type)
            assert state["line"].startswith(graph.names.values[node])
            assert 0 <= slot["at"][4] < len(data["scopes"])
    kernels = [slot for kernel in data["kernels"] for slot in kernel["members"]]
    assert sorted(kernels) == sorted(set(kernels))
    assert len(kernels) == sum(len(kernel.members) for kernel in program.schedule.kernels)
    assert all(kernel["source"] for kernel in data["kernels"])


@pytest.mark.parametrize("name", ["rows", "training step", "contractions", "updates"])
def test_polynomials_are_what_python_computes(name: str) -> None:
    program = of_testing(name)
    data = data_of(program)
    for batch in (1, 7, 300):
        sizes = dict.fromkeys((item[0] for item in data["symbols"]), batch)
        memory, moment = data["memory"], program.memory.at(**sizes)
        assert value(data, memory["peak"], sizes) == program.plan.at(**sizes) == moment.slab_bytes
        assert value(data, memory["total"], sizes) == moment.total_bytes
        costs = program.cost.at(**sizes)
        for kernel, cost in zip(data["kernels"], costs.kernels, strict=True):
            found = [value(data, number, sizes) for number in kernel["cost"]]
            assert found == [cost.flops, cost.bytes_read, cost.bytes_written]
        held = {(slot, kind): value(data, size, sizes) for slot, kind, size, *_ in memory["holders"]}
        kinds = {kind: at for at, kind in enumerate(Kind)}
        names = {state["name"]: k for k, slot in enumerate(data["slots"]) for state in slot["states"]}
        for holder, count in moment.holders:
            assert held[names[holder.name], kinds[holder.kind]] == count


def test_a_polynomial_is_stored_once() -> None:
    table, n = Polynomials(), symbol("n")
    assert [table.of(7), table.of(2 * n * n + 3), table.of(7), table.of(2 * n * n + 3)] == [0, 1, 0, 1]
    assert sorted(table.all[1], key=len) == [[3], [2, "n", 2]]


def test_the_panel_says_how_a_gradient_came_about() -> None:
    program, _ = three_layers()
    data = data_of(program)
    texts = data["strings"]
    states = [slot["states"][0] for slot in data["slots"]]
    state = next(item for item in states if texts[item["op"]].startswith("gelu'"))
    assert texts[state["maker"]] == "grad"
    assert texts[states[state["of"]]["op"]] == "gelu"
    derivation = [texts[number] for number in state["derivation"]]
    assert derivation[0] == "gelu(x) = x * normcdf(x)"
    assert derivation[1].startswith("d gelu / d x = ")
    assert texts[state["math"]].startswith("<math>")
    assert texts[state["source"][0]].startswith("models.py:")


def test_refusals_name_who_is_in_the_way_and_are_stored_once() -> None:
    program, _ = three_layers()
    data = data_of(program)
    stage = next(item for item in data["stages"] if item["name"] == "inplace")
    record = next(item for item in program.history if item.name == "inplace")
    assert sum(len(item) - 2 for item in stage["refused"]) == len(record.report.refusals)
    sentences = [(item[0], item[1]) for item in stage["refused"]]
    assert len(sentences) == len(set(sentences))
    assert len(data["strings"]) == len(set(data["strings"]))


def test_alike_actions_are_grouped() -> None:
    program, _ = three_layers()
    data = data_of(program)
    stage = next(item for item in data["stages"] if item["name"] == "simplify")
    said = {data["strings"][sentence]: len(times) for _, sentence, *times in stage["did"]}
    assert said == {"reads through a view": 7}
    stage = next(item for item in data["stages"] if item["name"] == "common_subexpressions")
    assert [data["strings"][sentence] for _, sentence, *_ in stage["did"]] == ["is another, computed before"]


def test_with_data_times_and_a_kernel_for_each_node_are_there(tmp_path: Any) -> None:
    program, data = three_layers()
    before = [array.copy() for array in program.source_graph.arrays.values()]
    path = program.report(tmp_path / "report.html", data, seconds=0.1)
    found = payload(path.read_text(encoding="utf-8"))
    assert all(kernel["us"] > 0 or not kernel["stored"] for kernel in found["kernels"])
    if Llvm().is_available:
        predicted = [kernel["predicted"] for kernel in found["kernels"] if kernel["stored"]]
        assert all(us > 0 and bound for us, bound in predicted)
    assert len(found["unfused"]) == found["measured"]["unfused_kernels"] > len(found["kernels"])
    assert all(len(slots) == 1 for slots, _ in found["unfused"])
    assert found["symbols"] == [["batch", 32]]
    for old, new in zip(before, program.source_graph.arrays.values(), strict=True):
        np.testing.assert_array_equal(old, new)
    named = program.report(
        tmp_path / "named.html", dict(zip(("x", "labels"), data, strict=True)), seconds=0.1
    )
    assert payload(named.read_text(encoding="utf-8"))["measured"]["calls"] > 0
    with pytest.raises(tt.ArgumentError, match="positive number of seconds"):
        program.report(tmp_path / "report.html", data, seconds=0)


def payload(text: str) -> dict[str, Any]:
    """The data in a page."""
    match = re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert match is not None
    return json.loads(match[1])


def test_the_page_is_one_file_that_refers_to_nothing_outside(tmp_path: Any) -> None:
    program, _ = three_layers()
    text = program.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert payload(text) == data_of(program)
    own = text.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(
        r"https?://|url\(|@import|<link(?! rel=\"icon\" href=\"data:,\")| src=|\bfetch\(|import\(", own
    )


def test_no_text_of_a_program_ends_the_data_or_becomes_markup(tmp_path: Any) -> None:
    nasty = "</script><script>alert(1)</script>{{script}}"
    y = tt.input("y", ("n",))
    named = tt.compile(y, tt.exp(y).named(nasty))
    text = named.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "alert(1)</script>" not in text
    assert any(nasty in item["states"][0]["name"] for item in payload(text)["slots"])


def test_script_and_style_are_small_and_all_is_within_its_limit() -> None:
    assert all(
        sum(map(len, (script_of(name).encode(), part("page.css").encode(), part(f"{name}.html").encode())))
        <= 100_000
        for name in PAGES
    )
    program, _ = three_layers()
    assert len(page(report_data(program)).encode()) <= 300_000


@pytest.mark.slow
def test_large_programs_stay_within_their_limits() -> None:
    """Four layers of a transformer, and 5,000 nodes."""
    program = transformer(4)
    assert len(program.source_graph) > 1300
    assert len(page(report_data(program)).encode()) <= 2_000_000
    large = transformer(16, "numpy")
    assert len(large.source_graph) >= 5000
    assert len(page(report_data(large)).encode()) <= 6_000_000


def test_equal_programs_have_equal_data() -> None:
    program, _ = three_layers()
    assert report_data(program) == report_data(program)
