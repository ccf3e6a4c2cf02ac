"""The networks that are measured are the same in every system."""

from importlib.util import find_spec

import numpy as np
import pytest

from tests.benchmarks.networks import in_ours
from tests.benchmarks.networks.models import bag, dropped, lenet, recurrent, residual, transformer

SMALL = [
    lenet(2),
    residual(2, 3, 4),
    transformer(2, 3, 8, 5),
    recurrent(2, 3, 4),
    bag(3, 5, 4),
    dropped(3, 5, 0.0),
]


@pytest.mark.parametrize("model", SMALL, ids=lambda model: model.name)
def test_systems_train_alike(model):
    pytest.importorskip("torch")
    from tests.benchmarks.networks import in_torch

    program, arguments = in_ours.build(model)
    steps = [lambda: program(*arguments), in_torch.prepare(model, lambda loss: loss)]
    if find_spec("jax"):  # which the other tests do without
        from tests.benchmarks.networks import in_jax

        steps.append(in_jax.prepare(model))
    for _ in range(3):
        values = [float(step()) for step in steps]
        np.testing.assert_allclose(values, values[0], rtol=1e-5)
