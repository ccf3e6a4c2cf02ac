"""The graphs of every op and of its gradients obey the laws, and their text reads back as the same graph."""

import numpy as np
import pytest

from compiler.ir.printing import arrays_of, print_graph
from compiler.ir.verify import verify
from tests.tinytorch.op_table import ROWS
from tinytorch import api


def graphs(row):
    """The graph of each case with first and second gradients."""
    for case in row.cases:
        inputs = [api.input(f"x{k}", np.shape(item), np.asarray(item).dtype) for k, item in enumerate(case)]
        results = [row.ours(*inputs)]
        floats = [item for item in inputs if item.dtype.is_float]
        if results[0].dtype.is_float and floats:
            results += api.grad(results[0].sum(), floats, allow_unused=True)
            results += api.grad(results[-1].sum(), floats, allow_unused=True)
        yield api.graph_of(results)


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_laws_and_text(row):
    for graph in graphs(row):
        verify(graph)
        text = print_graph(graph)
        again = api.parse(text, arrays_of(graph))
        verify(again)
        assert print_graph(again) == text
