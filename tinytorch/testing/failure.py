"""What a check that fails raises."""

from compiler.errors import TinytorchError


class CheckFailed(TinytorchError, AssertionError):
    """A check found a wrong value; the message says where, what was found and what was expected."""
