"""What a check that fails raises."""

from compiler.errors import TinytorchError


class CheckFailed(TinytorchError, AssertionError):  # noqa: N818  # what happened, as in pytest
    """A check found a wrong value; the message says where, what was found and what was expected."""
