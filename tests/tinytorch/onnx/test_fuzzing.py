"""Whatever a file holds: it is loaded, or a typed error says why not. `fuzzing` looks for longer."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tinytorch.onnx.fuzzing import corpus
from tests.tinytorch.onnx.fuzzing.checking import CHANGES, check, made
from tinytorch.onnx.reading.files import read_model

models = cache(corpus.small)


@pytest.mark.parametrize("block", range(4))
def test_models_with_something_wrong_in_them_are_loaded_or_refused(block):
    said = {check(made(models(), seed)) for seed in range(250 * block, 250 * (block + 1))}
    assert {"loaded", "ModelError"} <= said


@given(st.data())
def test_models_are_loaded_or_refused_whatever_is_changed(data):
    def choose(count):
        return data.draw(st.integers(0, count - 1))

    content = models()[data.draw(st.sampled_from(sorted(models())))]
    check(data.draw(st.sampled_from(CHANGES))(content, choose))


@pytest.mark.parametrize("name", sorted(corpus.TEXTS))
def test_what_is_changed_was_a_model(name):
    read_model(models()[name])
