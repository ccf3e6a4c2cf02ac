"""Checkers for ops, passes and backends: the ones that tinytorch's own tests use, for authors of plugins."""

from tinytorch.testing.backends import check_backend
from tinytorch.testing.failure import CheckFailed
from tinytorch.testing.gradients import check_gradient
from tinytorch.testing.passes import check_pass
from tinytorch.testing.programs import PROGRAMS, TestProgram

__all__ = ["PROGRAMS", "CheckFailed", "TestProgram", "check_backend", "check_gradient", "check_pass"]
