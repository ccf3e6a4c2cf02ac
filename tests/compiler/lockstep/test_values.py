"""The value of every node, by a program's own kernels."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.ir.op import Trait
from compiler.lockstep.values import Side, values_of
from tests.backends import ALL
from tinytorch.builtin import find_backend
from tinytorch.testing import PROGRAMS


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_node_has_a_value_and_results_have_their_bits(name, backend):
    made = PROGRAMS[name]()
    program = tt.compile(made.inputs, made.outputs, updates=made.updates, backend=backend)
    inputs, sizes = program.signature.bind(made.data, {})
    before = {target: tt.value_of(target) for target in made.updates}
    values = values_of(program.schedule, find_backend(backend), inputs, sizes)
    for target, value in before.items():
        np.testing.assert_array_equal(tt.value_of(target), value)
    assert set(values) == set(program.graph.nodes)
    side = Side("a", program.source_graph, program.history, program.schedule, values)
    results = [np.array(item) for item in program.structure.unpack(program(*made.data))]
    results += [tt.value_of(target) for target in made.updates]
    for node, result in zip(program.source_graph.results, results, strict=True):
        found = side.value(node)
        assert found.dtype == result.dtype
        assert found.tobytes() == result.tobytes()
    assert all(
        side.value(node) is not None
        for node in program.source_graph.nodes
        if node.op.has(Trait.LEAF) and node in program.graph.users
    )
