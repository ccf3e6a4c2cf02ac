"""Every name that programs print stands in the glossary, or with the scalar ops."""

import re
from collections.abc import Iterator

import pytest

import tinytorch as tt
from compiler.ir.graph import Graph
from compiler.ir.known_calls import KNOWN
from compiler.ir.op import LAYOUTS, Reducer, Scan
from compiler.loops.pipeline import TRICKS
from passes import REWRITES, SCHEDULING
from tests.documentation.pages import text_of
from tinytorch.builtin import OPS
from tinytorch.testing import PROGRAMS

TERM = re.compile(r"^\| (?:`([^`]+)`|([a-z0-9 ]+)) \|", re.MULTILINE)


def terms() -> set[str]:
    found = {marked or plain for marked, plain in TERM.findall(text_of("glossary"))}
    return found | {op.name for op in OPS}


def printed(graph: Graph) -> Iterator[str]:
    """The ops of a graph's lines, and its definitions; an input or a value is called as its user calls it."""
    for node in graph.nodes:
        yield node.op.name
    yield from re.findall(r"^op ([\w'~]+)\(", str(graph), re.MULTILINE)


def base(name: str) -> str:
    """The op that a name of a derivative, or of another of that name, begins with."""
    return re.split(r"['~]", name)[0]


def unknown(graph: Graph, known: set[str]) -> set[str]:
    return {name for name in printed(graph) if base(name) not in known}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_a_program_prints_is_in_the_glossary(name: str) -> None:
    program = PROGRAMS[name]()
    compiled = tt.compile(program.inputs, program.outputs, updates=program.updates, backend="numpy")
    own = {"swapped", "doubled"}
    assert unknown(compiled.source_graph, terms()) - own == set()
    assert unknown(compiled.graph, terms()) - own == set()


@pytest.mark.parametrize("optimiser", ["SGD", "Adam", "AdamW"])
def test_what_training_prints_is_in_the_glossary(optimiser: str) -> None:
    x, labels = tt.input("x", ("n", 4)), tt.input("labels", ("n",), "int64")
    network = tt.nn.Sequential(tt.nn.Dense(4, 4), tt.nn.LayerNorm(4), tt.nn.Softmax(), tt.nn.Dense(4, 3))
    out = network(x)
    binary = tt.losses.binary_cross_entropy(tt.sigmoid(out), tt.one_hot(labels, 3).astype("float32"))
    logits = tt.losses.binary_cross_entropy_with_logits(out, tt.one_hot(labels, 3).astype("float32"))
    loss = tt.losses.cross_entropy(out, labels) + tt.norm(out) + out.std() + out.max() + binary + logits
    loss = loss + tt.tril(out.T @ out).sum() + tt.clip(out, -1, 1).mean() + tt.logsumexp(out)
    clipped = tt.clip_grad_norm(tt.grad(loss, network.parameters()), 1.0)
    step = tt.compile(
        [x, labels], [loss, *clipped],
        updates=getattr(tt.optim, optimiser)(network.parameters(), lr=0.1).updates(loss),
        backend="numpy",
    )  # fmt: skip
    assert unknown(step.source_graph, terms()) == set()
    assert unknown(step.graph, terms()) == set()


def test_the_words_of_texts_are_in_the_glossary() -> None:
    words = {"input", "parameter", "constant", *(layout.word for layout in LAYOUTS)}
    words |= {item.value for item in Scan} | set(KNOWN)
    words |= {item.value for item in Reducer if item is not Reducer.NONE}
    assert words - terms() == set()
    assert {name for name, _ in TRICKS} - terms() == set()
    text = text_of("glossary")
    assert [item.name for item in (*REWRITES, *SCHEDULING) if f"`{item.name}`" not in text] == []


def test_a_name_that_is_not_there_is_found() -> None:
    x = tt.input("x", ("n",))
    strange = tt.elementwise("strange_one", lambda x: x * x + 1)
    assert unknown(tt.graph_of(tt.grad(strange(x).sum(), x)), terms()) == {"strange_one'"}
