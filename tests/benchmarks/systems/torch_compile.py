"""PyTorch through torch.compile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from tests.benchmarks.systems import torch_eager


def prepare(workload: str) -> Callable[[], Any]:
    """A step of a workload."""
    return torch_eager.prepare(workload, torch.compile)
