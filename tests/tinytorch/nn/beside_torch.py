"""A layer of ours and PyTorch's of the same weights: outputs and gradients are equal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import tinytorch as tt
from tests.tinytorch.evaluation import weights

torch: Any = pytest.importorskip("torch")


def turned(ours: tt.nn.Module) -> set[int]:
    """The parameters that PyTorch has transposed: weights of Dense."""
    dense = [module for _, module in ours.named_modules() if isinstance(module, tt.nn.Dense)]
    return {id(module.weight) for module in dense}


def flat(found: Any) -> list[Any]:
    """The tensors of a result; None is none."""
    if isinstance(found, tuple | list):
        return [item for part in found for item in flat(part)]
    return [] if found is None else [found]


def assert_equal(
    ours: tt.nn.Module,
    theirs: Any,
    arrays: Sequence[Any],
    call: Any = lambda layer, *given: layer(*given),
    *,
    backends: Sequence[str] = ("llvm",),
) -> None:
    """Outputs of `call(layer, *arrays)`, and gradients by floating arrays and parameters, in float64."""
    theirs = theirs.double()
    assert [name for name, _ in ours.named_parameters()] == [name for name, _ in theirs.named_parameters()]
    ours.load_state_dict(theirs.state_dict())
    inputs = [tt.input(f"x{k}", array.shape, array.dtype) for k, array in enumerate(arrays)]
    tensors = [torch.tensor(array, requires_grad=array.dtype == np.float64) for array in arrays]
    mine, yours = flat(call(ours, *inputs)), flat(call(theirs, *tensors))
    scales = [weights(item.shape, k) for k, item in enumerate(yours)]
    loss = sum((item * scale).sum() for item, scale in zip(mine, scales, strict=True))
    target = sum((item * torch.tensor(scale)).sum() for item, scale in zip(yours, scales, strict=True))
    floats = [item for item in inputs if item.dtype == "float64"]
    wanted = [item for item in tensors if item.requires_grad] + list(theirs.parameters())
    across, parameters = turned(ours), ours.parameters()
    slopes = tt.grad(loss, [*floats, *parameters], allow_unused=True)
    for k, parameter in enumerate(parameters, len(floats)):
        slopes[k] = slopes[k].T if id(parameter) in across else slopes[k]
    expected = torch.autograd.grad(target, wanted, allow_unused=True, materialize_grads=True)
    for backend in backends:
        found = tt.compile(inputs, [*mine, *slopes], backend=backend)(*arrays)
        for one, other in zip(found, [*yours, *expected], strict=True):
            np.testing.assert_allclose(one, other.detach().numpy(), rtol=1e-9, atol=1e-11)
