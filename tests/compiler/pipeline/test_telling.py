"""A pass's report is a table, however much it did."""

import tinytorch as tt
from compiler.ir.node import describe
from compiler.pipeline.contract import Action, Record, Report
from compiler.rewrite.refusal import Reason, Refusal
from tinytorch.testing import PROGRAMS

X = tt.input("x", (4,))
GRAPH = tt.graph_of(tt.exp(tt.tanh(X).named("h")))


def record(actions=(), refusals=()):
    graph = GRAPH
    made = Report(
        tuple(Action(tuple(graph.nodes[k] for k in nodes), said) for nodes, said in actions),
        tuple(Refusal(why, tuple(graph.nodes[k] for k in nodes), said) for why, nodes, said in refusals),
    )
    return Record("a pass", graph, graph, made, 0.001), graph


def test_alike_sentences_stand_once_with_their_number_and_values():
    made, _ = record(
        actions=[((k % 3,), f"{k} maps behind a result of sum") for k in range(50)] + [((1,), "%h is last")],
        refusals=[(Reason.OTHER_LOOPS, (0, 1), f"loop {k} differs") for k in range(7)],
    )
    assert str(made).splitlines() == [
        "a pass: 51 done, 7 refused, 1.0 ms",
        "  done                        50 x  n maps behind ... (%x; %h; %0)",
        "  done                         1 x  %h is last (%h)",
        "  refused OTHER_LOOPS          7 x  the loops differ (%x, %h)",
    ]


def test_one_of_a_kind_has_its_own_sentence_without_types_and_lines():
    _, graph = record()
    h = graph.nodes[1]
    made, _ = record(refusals=[(Reason.TAKEN, (1,), f"{describe(h)} is taken by 3 others")])
    assert str(made).endswith("refused TAKEN                1 x  %h is taken by 3 others (%h)")


def test_reports_of_large_programs_are_short():
    made = PROGRAMS["training step"]()
    program = tt.compile(made.inputs, made.outputs, updates=made.updates, backend="numpy")
    for item in program.history:
        text = str(item)
        assert len(text) < 2500
        assert all(len(line) < 260 for line in text.splitlines())
        done = sum(int(line.split(" x  ")[0].split()[-1]) for line in text.splitlines()[1:])
        assert done == len(item.report.actions) + len(item.report.refusals)
        head = f"{len(item.report.actions)} done, {len(item.report.refusals)} refused"
        assert repr(item.report) == f"<Report: {head}>"
        assert str(item.report).startswith(head)


def test_nothing_is_a_line():
    made, _ = record()
    assert str(made) == "a pass: 0 done, 0 refused, 1.0 ms"
    assert str(made.report) == "0 done, 0 refused"
