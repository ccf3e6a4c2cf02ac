"""Products of three operands and more are contracted by pairs where that is half of the work."""

import numpy as np
import pytest

import tinytorch as tt

CHAINS = {  # how many nodes compute it
    "ij,jk,kl->il": (((30, 40), (40, 50), (50, 60)), 2),
    "ij,jk,kl,lm->im": (((30, 40), (40, 50), (50, 60), (60, 7)), 3),
    "bij,bjk,bkl->bil": (((2, 13, 14), (2, 14, 15), (2, 15, 16)), 2),
    "ii,ij,jk->k": (((30, 30), (30, 40), (40, 50)), 2),
    "ij,ij,ij->i": (((30, 40),) * 3, 1),
    "i,j,k->ijk": (((3,), (4,), (5,)), 1),
    "...ij,jk,kl->...il": (((2, 30, 40), (40, 50), (50, 60)), 2),
}


def graph(letters, shapes, dtype="float32"):
    inputs = [tt.input(f"x{k}", shape, dtype) for k, shape in enumerate(shapes)]
    return inputs, tt.einsum(letters, *inputs)


@pytest.mark.parametrize("letters", CHAINS)
def test_pairs_compute_what_numpy_computes(letters):
    shapes, count = CHAINS[letters]
    generator = np.random.default_rng(0)
    data = [generator.standard_normal(shape) for shape in shapes]
    inputs, result = graph(letters, shapes, "float64")
    program = tt.compile(inputs, [result, *tt.grad((result * result).sum(), inputs)])
    found, *slopes = program(*data)
    np.testing.assert_allclose(found, np.einsum(letters, *data), 1e-9, 1e-9)
    both = [(np.einsum(letters, data[0] + step, *data[1:]) ** 2).sum() for step in (-1, 1)]
    np.testing.assert_allclose(slopes[0].sum(), (both[1] - both[0]) / 2, 1e-9)  # exact: it is a square
    assert len(tt.compile(inputs, result).source_graph.nodes) - len(inputs) == count


def test_a_symbol_counts_as_some_number():
    _, result = graph("ij,jk,kl->il", [("n", 40), (40, "n"), ("n", 60)])
    assert len(result.node.operands) == 2


def test_whole_numbers_are_summed_at_once():
    _, result = graph("ij,jk,kl->il", [(30, 40), (40, 50), (50, 60)], "int32")
    assert len(result.node.operands) == 3
