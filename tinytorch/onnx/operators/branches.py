"""Branches: one where the condition is known, both where it is data."""

from __future__ import annotations

from typing import Any

from tinytorch.onnx.calling.operator import Call, operator
from tinytorch.onnx.calling.values import (
    Failed,
    NotKnown,
    Unsupported,
    Value,
    dtype_name,
    known_of,
    shape_of,
    tensor_of,
)
from tinytorch.ops.elementwise import where
from tinytorch.tensor import Tensor

_LIMITS = "A condition that is data chooses between tensors of one shape, which are both computed."


@operator("If", since=1, limits=_LIMITS)
def choose(cond: Value, *, then_branch: Any, else_branch: Any, call: Call) -> tuple[Value, ...]:
    """The outputs of one of two graphs, which see what is around the node.

    A condition that is known, as of shapes and constants, chooses while the model is built. Where only a call
    knows it both branches are computed and `where` takes one: they are pure, so that is the same where their
    outputs are tensors of the same shapes; else it is not supported. The gradient is that of the branch that
    was taken.
    """
    try:
        taken = then_branch if bool(known_of(cond).reshape(-1)[0]) else else_branch
    except NotKnown as error:
        return _merged(error, tensor_of(cond), call.run(then_branch, []), call.run(else_branch, []))
    return tuple(call.run(taken, []))


def _merged(unknown: NotKnown, condition: Tensor, yes: list[Value], no: list[Value]) -> tuple[Value, ...]:
    return tuple(_either(unknown, condition.reshape(()), *pair) for pair in zip(yes, no, strict=True))


def _either(unknown: NotKnown, condition: Tensor, yes: Value, no: Value) -> Value:
    if isinstance(yes, Failed) or isinstance(no, Failed):
        return Failed()
    if any(item is None or isinstance(item, list) for item in (yes, no)):
        raise _refused("its branches make sequences or optionals", unknown)
    for what, of in (("shapes", shape_of), ("dtypes", dtype_name)):
        if of(yes) != of(no):
            raise _refused(f"its branches are of the {what} {of(yes)} and {of(no)}", unknown)
    return where(condition, tensor_of(yes), tensor_of(no))


def _refused(text: str, unknown: NotKnown) -> Unsupported:
    error = Unsupported(f"{text}, and its condition: {unknown}")
    error.wanted = unknown.wanted
    return error
