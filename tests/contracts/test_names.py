"""A value has one name: every view prints it, every question takes it, and it means the same everywhere."""

import re

import pytest

import tinytorch as tt
from compiler.errors import ArgumentError
from compiler.ir.finding import find_value, image, stages
from compiler.render.describe import describe
from compiler.render.kernels import describe_schedule
from compiler.schedule.plan import InOutput, InSlab
from tinytorch.testing import PROGRAMS

_NAME = re.compile(r'%(?:"(?:[^"\\]|\\.)*"|[\w.\']+)(?:~\d+)?')


def compiled(name: str, **options):
    made = PROGRAMS[name]()
    program = tt.compile(made.inputs, made.outputs, updates=made.updates, backend="numpy", **options)
    return program, made


def texts_of(program, data):
    """The views of a program, and for each the graph whose values it names."""
    yield str(program.source_graph), program.source_graph
    yield from ((tooltips(describe(program.source_graph, detail=True)), program.source_graph),)
    yield tooltips(describe_schedule(program.schedule)), program.graph
    for view in (
        program.graph,
        program.schedule,
        program.plan,
        program.cost,
        program.profile(*data, seconds=1e-9),
    ):
        yield str(view), program.graph
    for record in program.history:
        yield str(record), record.graph
        yield str(record.graph), record.graph
    for node in program.graph.nodes:
        yield str(program.why(node)), program.graph
    yield from (
        (str(program.explain(f"kernel {place}")), program.graph)
        for place in range(len(program.schedule.kernels))
    )


def tooltips(picture) -> str:
    return "\n".join([*(box.tooltip for box in picture.boxes), *(arrow.tooltip for arrow in picture.arrows)])


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_name_of_every_view_is_accepted_and_means_the_same_node(name):
    program, made = compiled(name)
    asked: set[str] = set()
    for text, graph in texts_of(program, made.data):
        here = {graph.names.values[node]: node for node in graph.nodes}
        found = set(_NAME.findall(text))
        asked |= found
        for called in found:
            meant = find_value(program.graph, called)
            assert here.get(called, meant) in (meant, image(graph, meant))
    assert len(asked) >= len(program.graph)
    for called in asked:
        answer = program.why(called)
        assert answer.node is find_value(program.graph, called)
        assert program.graph.names.values[answer.node] == called
        assert answer.title.startswith(called)
        if answer.images:
            assert answer.images == (image(program.graph, answer.node),)


@pytest.mark.parametrize("name", PROGRAMS)
def test_names_are_unique_in_a_graph_and_no_number_is_used_again(name):
    program, _ = compiled(name)
    owner: dict[str, set] = {}
    for graph in stages(program.graph):
        values = graph.names.values
        assert len({values[node] for node in graph.nodes}) == len(graph)
        for node in graph.nodes:
            before = owner.setdefault(values[node], {node})
            lineage = graph.lineage
            is_heir = lineage is not None and any(lineage.became.get(old) is node for old in before)
            assert node in before or is_heir
            before.add(node)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_text_of_every_graph_of_a_program_reads_back_with_its_names(name):
    program, _ = compiled(name)
    for graph in stages(program.graph):
        assert str(tt.parse(str(graph), graph.arrays, graph.calls)) == str(graph)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_pass_keeps_account(name):
    program, _ = compiled(name)
    for record in program.history:
        assert record.is_exact
        assert set(record.became.values()) <= set(record.graph.nodes)
        for old, new in record.became.items():
            assert old.type == new.type
    after = program.source_graph.results
    for record in program.history:
        after = tuple(record.became[node] for node in after)
    assert after == program.graph.results


def network():
    x = tt.input("x", ("batch", 4))
    hidden = tt.tanh(x * tt.parameter([1.0] * 4, "w")).named("hidden")
    return x, hidden


def test_every_question_takes_a_tensor_a_node_a_name_a_number_and_a_kernel():
    x, hidden = network()
    out = (hidden * 2.0).sum()
    program = tt.compile([x], [out, tt.grad(out, x)], backend="llvm")
    place = program.schedule.kernel_of[program.why(hidden).images[0]]
    kernel = program.schedule.kernels[place]
    for what in (hidden, hidden.node, "hidden", "%hidden"):
        assert program.why(what).node is hidden.node
        assert program.explain(what).line.startswith("%hidden")
        assert program.plan[what] == program.plan.places.get(program.why(hidden).images[0])
    number = next(item for item in program.source_graph.names.values.values() if item == "%0")
    assert program.why(0).node is program.why(number).node is program.why("0").node
    for what in (hidden, hidden.node, "hidden", "%hidden", kernel, place, f"kernel {place}"):
        assert (
            program.cost[what] is program.cost.kernels[place]
            or program.cost[what] == program.cost.kernels[place]
        )
        assert program.source(what) == program.source(place)
        assert program.llvm_ir(what) == program.llvm_ir(place)
        assert program.assembly(what) == program.assembly(place)
    profile = program.profile([[1.0] * 4], seconds=1e-9)
    assert profile["hidden"] is profile[kernel] is profile.kernels[place]
    for what in (kernel, f"kernel {place}"):
        assert program.why(what).images == kernel.members
        assert program.why(what).node is None
        assert len(program.explain(what).members) == len(kernel.members)
        assert f"kernel {place}" in str(program.why(what))


def test_what_is_asked_of_a_kernel_says_what_joined_it_and_what_did_not():
    x = tt.input("x", ("n", 4))
    program = tt.compile([x], tt.exp(tt.tanh(x)), backend="numpy")
    text = str(program.why("kernel 0"))
    assert text.startswith("kernel 0, 2 nodes\n")
    assert (
        "fuse_elementwise: one kernel of 2 nodes, from a result of tanh to a result of exp (%0, %1)" in text
    )


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("%hiden", r"no value of this program is called '%hiden'; near it: %hidden"),
        ("hiddn", r"near it: %hidden"),
        ("%99", r"is called '%99'; there are %x, %w, %hidden and numbers up to %\d"),
        (99, r"is called 99; there are"),
        ("", r"is called ''; near it: %x, %w"),
        ("kernel 99", r"no kernel 'kernel 99'; give one of program.schedule.kernels, or 0 to \d"),
        (1.5, r"1.5 is no part of this program"),
    ],
)
def test_what_is_not_there_is_named_with_what_is_near(what, message):
    x, hidden = network()
    program = tt.compile([x], hidden * 2.0, backend="numpy")
    for ask in (program.why, program.explain):
        with pytest.raises(ArgumentError, match=message):
            ask(what)


def test_a_kernel_of_another_program_is_a_stranger():
    x, hidden = network()
    program = tt.compile([x], hidden * 2.0, backend="numpy")
    other = tt.compile([x], hidden * 3.0, backend="numpy")
    for ask in (program.why, program.explain, program.cost.__getitem__):
        with pytest.raises(ArgumentError, match="no kernel"):
            ask(other.schedule.kernels[0])


def test_a_leaf_has_no_kernel_and_what_is_gone_no_place():
    x, hidden = network()
    program = tt.compile([x], [hidden * 2.0, hidden], backend="numpy")
    with pytest.raises(
        ArgumentError, match=r"no kernel computes %x : .*\n  it is given, as input: see program"
    ):
        program.cost["x"]
    assert isinstance(program.plan["hidden"], InOutput)
    gone = tt.constant(2.0) * 3.0
    program = tt.compile([x], hidden * gone, backend="numpy")
    with pytest.raises(ArgumentError, match=r"no kernel computes %2, a result of mul(.|\n)*graph no more"):
        program.cost[gone]
    with pytest.raises(ArgumentError, match="nothing in the rewritten graph stands for %2, a result of mul"):
        program.plan[gone]
    assert "is not in the final graph" in str(program.why(gone))


def test_what_is_merged_is_what_it_is_merged_into():
    x = tt.input("x", ("n", 4))
    first, second = tt.tanh(x), tt.tanh(x)
    program = tt.compile([x], (first + second).sum(), backend="numpy", passes=["common_subexpressions"])
    assert program.plan["%1"] is program.plan["%0"]
    assert isinstance(program.plan["%0"], InSlab)
    assert program.why(second).images == program.why(first).images == (first.node,)


def test_awkward_names_are_found_as_every_view_spells_them():
    names = ["a b", "34", "~2", 'q"', "kernel 0", "a~2", "7up", "λ"]
    inputs = [tt.input(name, (3,)) for name in names]
    program = tt.compile(inputs, [tt.exp(item) for item in inputs], backend="numpy", passes=())
    for item in inputs:
        text = program.source_graph.names.values[item.node]
        assert program.why(text).node is item.node
    assert program.why("a b").node is inputs[0].node
    assert program.why("0").node is program.why("%0").node


def test_twins_of_one_name_keep_their_marks_when_one_is_gone():
    x = tt.input("x", ("n",))
    first, second = tt.exp(x).named("h"), tt.tanh(x).named("h")
    program = tt.compile([x], [(first * 1.0) + second, second], backend="numpy", passes=["simplify"])
    assert program.why("h").node is first.node
    assert program.why("h~2").node is second.node
    assert program.graph.names.values[second.node] == "%h~2"
    unused = tt.compile([x], second + 0 * x.sum(), backend="numpy")
    assert unused.why("h").node is second.node


def test_what_a_pass_makes_has_a_new_number_and_what_it_keeps_its_own():
    x, s = tt.input("x", ("n",)), tt.input("s", ())
    negated = -x
    y = tt.exp(-negated * s)
    z = tt.tanh(y)
    program = tt.compile([x, s], z, backend="numpy", passes=["simplify"])
    source, final = program.source_graph.names.values, program.graph.names.values
    assert [source[node] for node in program.source_graph.nodes] == ["%x", "%s", "%0", "%1", "%2", "%3", "%4"]
    assert [final[node] for node in program.graph.nodes] == ["%x", "%s", "%2", "%3", "%4"]
    assert "neg(%0)" in str(program.source_graph)
    program = tt.compile([x, s], tt.exp(x / 4.0), backend="numpy", passes=["simplify"])
    assert str(program.graph).splitlines()[2:4] == ["%2 = mul(%x, 0.25) : f32[n]", "%1 = exp(%2) : f32[n]"]
    assert program.why("%0").images == (program.graph.nodes[2],)
