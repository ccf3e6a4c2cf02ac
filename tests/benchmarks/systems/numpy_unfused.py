"""tinytorch's numpy backend without passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.benchmarks.systems import ours


def prepare(workload: str) -> Callable[[], Any]:
    """A step of a workload."""
    return ours.prepare(workload, backend="numpy", passes=())
