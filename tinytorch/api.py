"""input, parameter, constant, grad, compile, parse, explain, draw."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, overload

import numpy as np

from compiler.autodiff.backward import gradient
from compiler.autodiff.explain import Explanation, explain_node
from compiler.backends.contract import Backend
from compiler.errors import ArgumentError, GradientError
from compiler.ir.build import input_node, parameter_node
from compiler.ir.dims import Extent
from compiler.ir.graph import Graph
from compiler.ir.node import Node, describe
from compiler.ir.op import Call, Locks, Parameter
from compiler.ir.types import tensor_type
from compiler.pipeline.contract import Pass
from compiler.program import Program
from compiler.structure import Structure, flatten
from tinytorch.state import check_updates
from tinytorch.tensor import Tensor, as_tensor, as_tensors
from tinytorch.values import checked_array, checked_name, checked_number, constant_of_array, typed_array

if TYPE_CHECKING:
    from compiler.driver import Debug


def input(
    name: str,
    shape: Sequence[Extent | str] = (),
    dtype: Any = "float32",
    *,
    low: float = -math.inf,
    high: float = math.inf,
) -> Tensor:
    """A value that is given to each call of a program, by position or under this name.

    An extent is an int, or a string for a symbolic dimension (`"batch"`, or a polynomial such as
    `"2*batch+1"`). Dimensions of one name are equal; two names never are. Raises ShapeError or DTypeError.

    `low` and `high` promise where its elements lie, both included: `tt.lint` warns of what may go wrong
    there. Calls do not check them, and nothing that is computed depends on them. Raises ArgumentError.
    """
    bounds = [float(checked_number(what, bound)) for what, bound in (("low", low), ("high", high))]
    return Tensor(input_node(checked_name(name), tensor_type(dtype, shape), low=bounds[0], high=bounds[1]))


def parameter(value: Any, name: str | None = None, dtype: Any = None) -> Tensor:
    """A value that lasts between calls and that updates write to. Holds a copy of `value`.

    Without a dtype, numbers and lists of them are bool, int64 or float32; NumPy's values keep theirs. Read
    and set it with `tt.value_of` and `tt.set_value`. No two parameters of a program have one `name`; without
    it, one that is part of a module is named after its place there.
    """
    array = typed_array(value, dtype)
    checked = None if name is None else checked_name(name)
    return Tensor(parameter_node(array, checked, is_named=checked is not None))


def constant(value: Any, name: str | None = None, dtype: Any = None) -> Tensor:
    """An immutable array inside the graph. dtypes as for `parameter`."""
    return Tensor(constant_of_array(value, dtype, None if name is None else checked_name(name)))


def value_of(parameter: Tensor) -> np.ndarray[Any, Any]:
    """A copy of a parameter's present value."""
    op = _parameter_op(parameter)
    with Locks([op.buffer]):
        return op.buffer.array.copy()


def set_value(parameter: Tensor, value: Any) -> None:
    """Writes a parameter's value. Raises ArgumentError for another shape or kind of dtype."""
    op = _parameter_op(parameter)
    array = checked_array(value)
    if array.shape != op.type.shape or not np.can_cast(array.dtype, op.type.dtype.numpy, "same_kind"):
        raise ArgumentError(f"{describe(parameter.node)} cannot hold {array.dtype}{list(array.shape)}")
    with Locks([op.buffer]), np.errstate(over="ignore"):
        np.copyto(op.buffer.array, array, casting="same_kind")


def _parameter_op(tensor: Tensor) -> Parameter:
    if not isinstance(tensor.node.op, Parameter):
        raise ArgumentError(f"only a parameter has a value of its own: {describe(tensor.node)}")
    return tensor.node.op


@overload
def grad(loss: Tensor, wrt: Tensor, *, seed: Any = None, allow_unused: bool = False) -> Tensor: ...
@overload
def grad(
    loss: Tensor, wrt: Mapping[str, Tensor], *, seed: Any = None, allow_unused: bool = False
) -> dict[str, Tensor]: ...
@overload
def grad(
    loss: Tensor, wrt: Iterable[Tensor], *, seed: Any = None, allow_unused: bool = False
) -> list[Tensor]: ...
def grad(loss: Tensor, wrt: Any, *, seed: Any = None, allow_unused: bool = False) -> Any:
    """The gradients of `loss` by each tensor of `wrt`, as tensors that can be differentiated again.

    `loss` is a floating scalar, or anything floating with a `seed` (the cotangent) of its type. `wrt` is one
    tensor, a sequence or a dict; the result has its structure. What the loss depends on without a slope, as
    through `floor` or a comparison, gets zeros. What it does not depend on, or through `stop_gradient` alone,
    is an error, or zeros with `allow_unused`. Raises GradientError.
    """
    is_many = isinstance(wrt, Iterable) and not isinstance(wrt, Tensor | Mapping | tuple)
    targets, structure = flatten(list(cast("Iterable[Any]", wrt)) if is_many else wrt)
    nodes = [_checked_target(item) for item in targets]
    found = gradient(loss.node, nodes, None if seed is None else as_tensors(loss, seed)[1].node)
    results = [_found(loss, target, node, allow_unused) for target, node in zip(targets, found, strict=True)]
    return structure.pack(results)


def _checked_target(item: Any) -> Node:
    if not isinstance(item, Tensor):
        raise GradientError(f"a gradient is by tensors, not by {item!r}")
    if not item.dtype.is_float:
        raise GradientError(f"only floating tensors have gradients: {describe(item.node)}")
    return item.node


def _found(loss: Tensor, target: Tensor, node: Node | None, allow_unused: bool) -> Tensor:
    if node is not None:
        return Tensor(node)
    if not allow_unused:
        raise GradientError(
            f"{describe(loss.node)} does not depend on {describe(target.node)} (or only through "
            f"tt.stop_gradient)\n"
            "  fix: leave it out, or tt.grad(..., allow_unused=True) for zeros"
        )
    return constant(0.0, dtype=target.dtype).broadcast_to(target.shape)


@overload
def compile(
    inputs: Graph,
    *,
    passes: str | Sequence[str | Pass] | None = None,
    backend: str | Backend | None = None,
    donate: str | Tensor | Iterable[str | Tensor] = (),
    freeze: bool | Tensor | Iterable[Tensor] = False,
    debug: Debug = False,
) -> Program: ...
@overload
def compile(
    inputs: Tensor | Sequence[Tensor],
    outputs: Any,
    *,
    updates: Mapping[Tensor, Tensor] | None = None,
    passes: str | Sequence[str | Pass] | None = None,
    backend: str | Backend | None = None,
    donate: str | Tensor | Iterable[str | Tensor] = (),
    freeze: bool | Tensor | Iterable[Tensor] = False,
    debug: Debug = False,
) -> Program: ...
def compile(
    inputs: Tensor | Sequence[Tensor] | Graph,
    outputs: Any = None,
    *,
    updates: Mapping[Tensor, Tensor] | None = None,
    passes: str | Sequence[str | Pass] | None = None,
    backend: str | Backend | None = None,
    donate: str | Tensor | Iterable[str | Tensor] = (),
    freeze: bool | Tensor | Iterable[Tensor] = False,
    debug: Debug = False,
) -> Program:
    """A program that maps values of `inputs` to values of `outputs`, and writes `updates` to parameters.

    `outputs` is one tensor, a sequence or a dict, and calls return the same, as fresh arrays. All right-hand
    sides of `updates` and all outputs see the parameters as they were before the call. `passes` are names or
    values, () for none, None for the default. `donate` names inputs whose arrays the program may overwrite,
    and which come back as outputs that were computed in them. `freeze` makes parameters (True: all; or some)
    constants of their present values, which are laid for products once, here, and multiplied by constants
    that scale what they give, as a normalisation behind a convolution does (`scale_constants`, which changes
    bits: one rounding more of each weight, fewer of each element). What is set later does not change the
    program, and to update one is an ArgumentError.

    `debug` checks every call, slowly. "passes" compares it with the oracle of the graph as it was written:
    PassError names the first pass, rule and node that makes a result another, LawError the first node that a
    kernel computes wrongly (what is dead is filled with NaN); that runs on the numpy backend unless another
    is given that can show its kernels. "numbers", on any backend: NumericsError names the first node, forward
    or backward, that makes a NaN or an infinity which a result has, with its operands' ranges, before
    anything is written; infinities that were given, as masks are, and what reaches no result, are none. True
    is both.

    A `Graph`, as `tt.load` returns it, stands for inputs, outputs and updates together: `tt.compile(graph)`.
    Calls return its one output, or a tuple of them; values keep the names and parameters of the graph.
    """
    from compiler.driver import CompileOptions, compile_graph  # noqa: PLC0415  # loaded by who compiles
    from tinytorch.builtin import find_backend, find_pass  # noqa: PLC0415  # likewise
    from tinytorch.freezing import frozen  # noqa: PLC0415  # likewise

    source, declared, structure = (
        _whole(inputs, outputs, updates)
        if isinstance(inputs, Graph)
        else _of_tensors(inputs, outputs, {} if updates is None else updates)
    )
    if not (isinstance(debug, bool) or debug in ("passes", "numbers")):
        raise ArgumentError(f"debug is True, False, 'passes' or 'numbers', not {debug!r}")
    given = [donate] if isinstance(donate, str | Tensor) else donate
    chosen = [passes] if isinstance(passes, str) else passes
    options = CompileOptions(
        passes=default_passes(freeze=freeze is not False)
        if chosen is None
        else [find_pass(item) for item in chosen],
        backend=find_backend("numpy" if debug and debug != "numbers" and backend is None else backend),
        donate=[str(item.name) if isinstance(item, Tensor) else item for item in given],
        debug=debug,
    )
    return compile_graph(frozen(source, freeze), declared, structure, options)


def _whole(graph: Graph, outputs: Any, updates: Any) -> tuple[Graph, Sequence[Node], Structure]:
    if outputs is not None or updates is not None:
        what = "updates" if outputs is None else "outputs"
        raise ArgumentError(
            f"a graph has outputs and updates of its own, and was given {what} beside them\n"
            "  fix: tt.compile(graph), or the tensors: tt.compile(inputs, outputs, updates=...)"
        )
    count = len(graph.outputs)
    return graph, graph.inputs, Structure("one" if count == 1 else "tuple", count)


def _of_tensors(
    inputs: Tensor | Sequence[Tensor], outputs: Any, updates: Any
) -> tuple[Graph, Sequence[Node], Structure]:
    if isinstance(cast(object, inputs), Program):
        raise ArgumentError(
            f"{inputs!r} is compiled already\n  fix: tt.compile(program.source_graph, ...) does it again"
        )
    declared = list(inputs) if isinstance(inputs, Sequence) else [inputs]
    results, structure = flatten(outputs)
    for item in (*declared, *results):
        if not isinstance(item, Tensor):
            raise ArgumentError(
                f"inputs are tensors, and outputs one tensor, a sequence or a dict of tensors, not {item!r}"
            )
    nodes = [item.node for item in declared]
    changes = _updates(updates)
    graph = Graph.of([item.node for item in results], changes, nodes)
    check_updates(graph.nodes, {target.op for target, _ in changes})
    return graph, nodes, structure


def default_passes(*, without: str | Iterable[str] = (), freeze: bool = False) -> tuple[Pass, ...]:
    """The passes that run unless others are named: `passes.REWRITES`, then `passes.SCHEDULING`.

    With `freeze`, those of a program with frozen parameters: `passes.FREEZING`, which has `scale_constants`,
    in the place of the rewrites. `without` names those to leave out. Raises ArgumentError for a name that
    none of them has.
    """
    from passes import FREEZING, REWRITES, SCHEDULING  # noqa: PLC0415  # loaded by who compiles

    found = (*(FREEZING if freeze else REWRITES), *SCHEDULING)
    left_out = [without] if isinstance(without, str) else list(without)
    names = [item.name for item in found]
    for name in left_out:
        if name not in names:
            raise ArgumentError(f"no default pass is named {name!r}; they are {', '.join(names)}")
    return tuple(item for item in found if item.name not in left_out)


def _updates(updates: Any) -> list[tuple[Node, Node]]:
    if not isinstance(updates, Mapping):
        is_optimiser = hasattr(updates, "updates_from")
        fix = "\n  fix: give optimiser.updates(loss), not the optimiser" if is_optimiser else ""
        raise ArgumentError(f"updates map parameters to tensors, as in {{w: w - step}}, not {updates!r}{fix}")
    return [_update(target, value) for target, value in cast("Mapping[Any, Any]", updates).items()]


def _update(target: Any, value: Any) -> tuple[Node, Node]:
    if not isinstance(target, Tensor) or not isinstance(target.node.op, Parameter):
        what = describe(target.node) if isinstance(target, Tensor) else repr(target)
        raise ArgumentError(f"only parameters are updated, not {what}")
    node, new = target.node, as_tensor(value).node
    if new.type != node.type:
        raise ArgumentError(f"an update keeps the type: {describe(node)}\n  cannot become {describe(new)}")
    return node, new


def parse(
    text: str,
    arrays: Mapping[str, np.ndarray[Any, Any]] | None = None,
    calls: Mapping[str, Call] | None = None,
) -> Graph:
    """The graph that a text describes, as `str` of a graph prints it. Raises ParseError; executes nothing.

    `arrays` holds what the text names by `@reference`. A parameter whose array is not given can be drawn,
    printed and compared, and raises UnboundArrayError when its value is needed.
    """
    if not isinstance(cast(object, text), str):
        raise ArgumentError(f"the text of a graph is a str, not {text!r}")
    return Graph.parse(text, arrays, calls)


def draw(
    what: Tensor | Sequence[Tensor] | Graph | Program,
    path: str | os.PathLike[str],
    *,
    detail: bool = False,
    open: str | Sequence[str] = (),
    depth: int | None = None,
    around: Any = None,
    radius: int = 2,
    colour: str = "role",
) -> Path:
    """Draws tensors with all that they are made from, a graph, or a program, as `Program.draw` does.

    Colours stand for `role`, `bytes` or `precision`; for time, draw a program with its profile.
    """
    from compiler.render.drawing import draw_as  # noqa: PLC0415  # loaded by who draws
    from compiler.render.options import Options  # noqa: PLC0415  # likewise

    return draw_as(graph_of(what), path, Options(detail, open, depth, around, radius, colour))


def graph_of(what: Tensor | Sequence[Tensor] | Graph | Program) -> Graph:
    """The graph of what is given: of all that tensors are made from, or a program's source graph."""
    if isinstance(what, Graph):
        return what
    if isinstance(what, Program):
        return what.source_graph
    tensors: list[Any] = list(what) if isinstance(what, Sequence) else [what]
    if wrong := [item for item in tensors if not isinstance(item, Tensor)]:
        raise ArgumentError(f"a graph is of tensors, or that of a program, not of {wrong[0]!r}")
    return Graph.of([item.node for item in tensors])


def explain(what: Tensor | Node) -> Explanation:
    """Formula, LaTeX, source line, maker and, for a gradient, the derivation.

    Data; `print` shows it as text. `Program.explain` takes names and kernels too, and knows what views call
    a node. Raises ArgumentError for anything else.
    """
    node = what.node if isinstance(what, Tensor) else what
    if not isinstance(cast(object, node), Node):
        raise ArgumentError(
            f"what is explained is a tensor or a node, not {what!r}\n"
            "  fix: a name, a number or a kernel means something in a program: program.explain(...)"
        )
    return explain_node(node)
