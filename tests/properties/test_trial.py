"""What a trial excuses: values that are free, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.ir.build import apply, contract, parameter_node, reduce
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Reducer
from tests.properties.maker import Sample
from tests.properties.trial import Trial, expected_answer, is_fragile, make_trial, run_trial


def parameter(*elements: float) -> Node:
    return parameter_node(np.array(elements, np.float32), "w")


def trial_of(node: Node) -> Trial:
    return Trial(0, "values", Sample(0, Graph.of([node]), frozenset(), {}, frozenset()), (), 16, False, ())


def is_excused(node: Node) -> bool:
    trial = trial_of(node)
    return is_fragile(trial, 0, expected_answer(trial, 0))


def inverse(node: Node) -> Node:
    return apply("div", 1.0, node)


@pytest.mark.parametrize("atom", ["maximum", "minimum"])
def test_a_division_by_the_extremum_of_zeros_of_both_signs_is_excused(atom):
    assert is_excused(inverse(apply(atom, parameter(0.0, 1.0), parameter(-0.0, 1.0))))
    assert is_excused(inverse(apply(atom, parameter(-0.0, 1.0), 0.0)))


@pytest.mark.parametrize("atom", ["maximum", "minimum"])
def test_zeros_of_one_sign_or_of_no_extremum_excuse_nothing(atom):
    assert not is_excused(inverse(apply(atom, parameter(0.0, -0.0), parameter(0.0, -0.0))))
    assert not is_excused(inverse(apply("mul", parameter(0.0, 1.0), parameter(-0.0, 1.0))))


def test_a_free_zero_that_decides_nothing_excuses_nothing():
    assert not is_excused(apply("add", apply("maximum", parameter(0.0), parameter(-0.0)), 1.0))


@pytest.mark.parametrize("reducer", [Reducer.MAX, Reducer.MIN])
def test_extrema_along_an_axis(reducer):
    assert is_excused(inverse(reduce(reducer, parameter(0.0, -0.0), [0], keepdims=False)))
    assert not is_excused(inverse(reduce(reducer, parameter(-0.0, -0.0), [0], keepdims=False)))


def test_a_sum_of_zeros_has_either_sign():
    assert is_excused(inverse(reduce(Reducer.SUM, parameter(-0.0), [0], keepdims=False)))
    assert not is_excused(inverse(reduce(Reducer.SUM, parameter(0.0, 0.0), [0], keepdims=False)))


def test_the_infinities_and_zeros_of_sums_of_products_are_excused_and_others_are_not():
    infinite, finite = parameter(np.inf, 1.0), parameter(2.0, 1.0)
    assert is_excused(contract([infinite, finite], [[0], [0]], [], [2]))
    assert not is_excused(contract([finite, finite], [[0], [0]], [], [2]))
    nothing = contract([parameter(0.0, 0.0), finite], [[0], [0]], [], [2])
    assert is_excused(inverse(nothing))
    assert is_excused(inverse(apply("zmul", parameter(0.0), finite)))
    assert not is_excused(apply("zmul", infinite, finite))
    assert not is_excused(apply("add", nothing, 1.0))
    assert not is_excused(apply("mul", infinite, finite))


def test_a_graph_with_such_a_division():
    trial = make_trial(401849)
    run_trial(replace(trial, passes=()))
    run_trial(trial)


@pytest.mark.parametrize("seed", [5021280, 5034791, 5040314, 11034518, 11068320, 20065320])
def test_graphs_whose_results_depend_on_what_is_free(seed):
    """Infinities and zeros of sums of products, in debug mode too; what magnifies rounding; zeros of sums."""
    run_trial(make_trial(seed))
