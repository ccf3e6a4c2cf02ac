"""Random graphs of every kind of op, run by ONNX Runtime and read again, give what the oracle gives."""

import numpy as np
import pytest

import tinytorch as tt
from tests.properties.comparing import difference, oracle
from tests.properties.random_graphs import random_graph
from tests.tinytorch.onnx.exporting.running import session_of

CALLS = 2
"""The second one may have extents of 0."""

NOT_READ = {52, 86}
"""Seeds of graphs with a maximum so far along a symbolic axis: a Scan whose rows nobody can count."""


def model_of(graph):
    """The model; None where ONNX has no words for it, or the runtime no arrays (of bfloat16)."""
    if any(node.type.dtype.value == "bfloat16" for node in (*graph.inputs, *graph.results)):
        return None
    try:
        return tt.onnx.to_model(graph)
    except tt.UnsupportedOperatorError:
        return None


@pytest.mark.parametrize("first", range(0, 96, 24))
def test_a_random_graph_is_what_the_oracle_says(first):
    said = 0
    for seed in range(first, first + 24):
        sample = random_graph(seed)
        model = model_of(sample.graph)
        if model is None:
            continue
        said += 1
        session = session_of(model)
        names = [item.name for item in model.graph.input]
        again = None if seed in NOT_READ else program_of(model)
        for number in range(CALLS):
            arrays = [np.asarray(item) for item in sample.arguments(number)]
            fed = dict(zip(names, arrays, strict=False))
            answer = oracle(sample.graph, arrays, sample.sizes(number))
            assert difference(answer, session.run(None, fed)) == "", seed
            if again is not None:
                found = again(**{item.name: fed[item.name] for item in again.signature.inputs})
                assert difference(answer, found) == "", seed
    assert said > 12


def program_of(model):
    back = tt.onnx.load(model)
    outputs = [*back.outputs, *back.updates.values()]
    return tt.compile(back.inputs, outputs, backend="reference", passes=())
