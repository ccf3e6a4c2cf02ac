"""PyTensor with its C compiler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.benchmarks.systems import pytensor_numba


def prepare(workload: str) -> Callable[[], Any]:
    """A step of a workload."""
    return pytensor_numba.prepare(workload, "CVM")
