"""Models that others ship, on real input: what ONNX Runtime computes of it, and what it means."""

import numpy as np
import pytest

pytest.importorskip("PIL")

from tests.tinytorch.onnx.real import CASES, TEXT, label_of, outputs_of, text_of


@pytest.mark.parametrize("name", ["kinds of files", "voices", "letters", "directions of text"])
def test_a_model_that_is_shipped_computes_what_onnx_runtime_does(name):
    case = CASES[name]
    if case.file is None:
        pytest.skip(f"{case.package} is not installed")
    model = case.load()
    ours, theirs = outputs_of(case, model.compile(), case.session())
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)
    if name == "kinds of files":
        assert label_of(ours[0]) == "python"
    if name == "letters":
        assert text_of(ours[0], model).strip() == TEXT
