"""PyTorch's own samples of an op, tried on ours: the value, the gradients and those of the gradients."""

from __future__ import annotations

import itertools
import random
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.errors import TinytorchError
from compiler.ir.bfloat16 import bfloat16
from tests.tinytorch.evaluation import weighted, weights
from tests.tinytorch.op_db.names import KNOWN, SAMPLED
from tinytorch import api
from tinytorch.tensor import Tensor, as_tensor

RENAMED = {"dim": "axis", "keepdim": "keepdims", "dims": "axis"}
"""PyTorch's keywords, as NumPy has them."""

TOLERANCE = {"float64": 1e-9, "float32": 1e-4, "float16": 2e-3, "bfloat16": 1.6e-2}
"""By the dtype of a result; others are equal."""

COMPUTED = ("float64", "float32", "int64", "bool")
STORED = ("float16", "bfloat16", "int8", "int16", "uint8")
WRAPPED = ("int8", "int16", "uint8")
"""Integers of which ours are summed as int64, and PyTorch's sums may wrap around."""
MANY, SOME, FEW = 60, 15, 2
"""How many samples, evenly spaced, of float64, of other dtypes that compute, and of stored ones are tried."""
MORE = 4
"""So many times as many are looked through for one that is refused or unlike."""

Arrays = list[np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Outcome:
    """What came of a sample: nothing where all is equal, or a refusal, or a difference, in words."""

    sample: str
    refused: str = ""
    wrong: str = ""


def op_infos() -> list[Any]:
    """All that PyTorch lists."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db

    return list(op_db)


def tried(info: Any, ours: Callable[..., Any], dtype: str, times: int = 1, **how: Any) -> Iterator[Outcome]:
    """What comes of samples of a dtype; of float64 with gradients, as often as PyTorch has them.

    What PyTorch itself refuses is left out. There are `times` as many as usual.
    """
    orders = 0
    if dtype == "float64" and info.supports_autograd:
        orders = 2 if info.supports_gradgrad else 1
    for sample in _samples(info, dtype, times, orders > 0):
        text = f"{info.name}({_shown(sample.input)}; {_shown(sample.args)}; {_shown(sample.kwargs)})"
        try:
            expected = _of_torch(info, sample, orders)
        except (RuntimeError, NotImplementedError):
            continue
        try:
            found = _of_ours(ours, sample, orders, info.name in KNOWN.split(), **how)
        except (TinytorchError, NotImplementedError) as error:
            yield Outcome(text, refused=str(error))
        else:
            yield Outcome(text, wrong=_difference(found, expected))


def _samples(info: Any, dtype: str, times: int, is_trained: bool) -> list[Any]:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = _drawn(info, getattr(torch, dtype), is_trained)
        is_short = info.name in SAMPLED and dtype != "float64"
        found = list(itertools.islice(made, FEW * times) if is_short else made)
    most = times * (MANY if dtype == "float64" else SOME if dtype in COMPUTED else FEW)
    most = min(most, SAMPLED.get(info.name, most))
    return found[:: -(-len(found) // (most or 1)) or 1]


def _drawn(info: Any, dtype: Any, is_trained: bool) -> Iterator[Any]:
    """What `info.sample_inputs` gives, each sample drawn from the same seeds.

    That looks through the stack for a test of unittest, and keeps a traceback for each device at each seed:
    four fifths of the time of all samples.
    """
    import torch
    from torch.testing._internal.common_utils import SEED

    made = iter(info.sample_inputs_func(info, "cpu", dtype, is_trained))
    while True:
        torch.default_generator.manual_seed(SEED)
        random.seed(SEED)
        np.random.seed(SEED)  # noqa: NPY002  # the state that samples of PyTorch are drawn from
        try:
            sample = next(made)
        except StopIteration:
            return
        yield sample


def flat(found: Any) -> list[Any]:
    """The tensors of a result, which may be one, or several in tuples and lists."""
    if isinstance(found, tuple | list):
        return [item for part in found for item in flat(part)]
    return [found]


def _of_torch(info: Any, sample: Any, orders: int) -> Arrays:
    """Results, then the gradients by each floating operand, of first and then of second order."""
    import torch

    operands = flat([sample.input, sample.args, list(sample.kwargs.values())])
    floats = [item for item in operands if isinstance(item, torch.Tensor) and item.requires_grad]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = flat(info(sample.input, *sample.args, **sample.kwargs))
    rows = [item if isinstance(item, torch.Tensor) else torch.tensor(item) for item in results]
    found = list(rows)
    for _ in range(orders if floats else 0):
        used = [row for row in rows if row.is_floating_point()]
        rows = [torch.zeros_like(item) for item in floats]
        if any(row.requires_grad for row in used):
            parts = [(row * torch.tensor(weights(row.shape, k))).sum() for k, row in enumerate(used)]
            rows = list(
                torch.autograd.grad(
                    sum(parts[1:], parts[0]),
                    floats,
                    create_graph=True,
                    allow_unused=True,
                    materialize_grads=True,
                )
            )
        found += rows
    return [_array(item) for item in found]


def _array(tensor: Any) -> np.ndarray[Any, Any]:
    """A tensor of PyTorch as an array, which NumPy has no bfloat16 for."""
    import torch

    plain = tensor.detach()
    if plain.dtype is torch.bfloat16:
        return plain.view(torch.int16).numpy(force=True).view(bfloat16())
    return plain.numpy(force=True)


def _of_ours(ours: Callable[..., Any], sample: Any, orders: int, is_known: bool, **how: Any) -> Arrays:
    """The same by ours. Raises what it refuses."""
    given = Converted(sample, is_known)
    rows = [as_tensor(item) for item in flat(ours(given.input, *given.args, **given.kwargs))]
    found = list(rows)
    for _ in range(orders if given.floats else 0):
        used = [row for row in rows if row.dtype.is_float]
        rows = [item * 0 for item in given.floats]
        if used:
            loss = sum((weighted(row, k) for k, row in enumerate(used[1:], 1)), weighted(used[0], 0))
            rows = list(api.grad(loss, given.floats, allow_unused=True))
        found += rows
    return list(api.compile(given.inputs, found, **how)(*given.arrays)) if found else []


class Converted:
    """A sample with tensors of ours for those of PyTorch; those that it trains are `floats`.

    With `is_known`, arrays for those behind the first that it does not train.
    """

    def __init__(self, sample: Any, is_known: bool) -> None:
        self.is_known = False
        self.inputs: list[Tensor] = []
        self.arrays: Arrays = []
        self.floats: list[Tensor] = []
        self.input = self._of(sample.input)
        self.is_known = is_known
        self.args = tuple(self._of(item) for item in sample.args)
        self.kwargs = {RENAMED.get(name, name): self._of(item) for name, item in sample.kwargs.items()}

    def _of(self, value: Any) -> Any:
        import torch

        if isinstance(value, torch.Tensor):
            return self._tensor(value)
        if isinstance(value, torch.dtype):
            return str(value).removeprefix("torch.")
        if isinstance(value, list):
            return [self._of(item) for item in value]
        return tuple(self._of(item) for item in value) if isinstance(value, tuple) else value

    def _tensor(self, value: Any) -> Tensor:
        array = _array(value)
        if self.is_known and not value.requires_grad:
            return array
        made = api.input(f"x{len(self.inputs)}", array.shape, array.dtype)
        self.inputs.append(made)
        self.arrays.append(array.copy())
        if value.requires_grad:
            self.floats.append(made)
        return made


def _difference(found: Arrays, expected: Arrays) -> str:
    """What differs, in words."""
    if len(found) != len(expected):
        return f"{len(found)} results for {len(expected)}"
    for k, (mine, theirs) in enumerate(zip(found, expected, strict=True)):
        if mine.dtype == np.int64 and theirs.dtype in map(np.dtype, WRAPPED):
            mine = mine.astype(theirs.dtype)
        if mine.shape != theirs.shape or mine.dtype != theirs.dtype:
            return f"result {k} is {mine.dtype}{mine.shape}, not {theirs.dtype}{theirs.shape}"
        is_float, tolerance = theirs.dtype.name in TOLERANCE, TOLERANCE.get(theirs.dtype.name, 0.0)
        if is_float:
            mine, theirs = mine.astype(np.float64), theirs.astype(np.float64)
        largest = np.max(np.abs(theirs), initial=1.0, where=np.isfinite(theirs)) if is_float else 1.0
        if not np.allclose(mine, theirs, rtol=tolerance, atol=tolerance * largest, equal_nan=True):
            return f"result {k} is {mine.ravel()[:6]}, not {theirs.ravel()[:6]}"
    return ""


def _shown(value: Any) -> str:
    """A sample's part, with shapes for tensors."""
    if hasattr(value, "requires_grad"):
        return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"
    if isinstance(value, dict):
        return ", ".join(f"{name}={_shown(item)}" for name, item in value.items())
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_shown, value))}]"
    return repr(value)
