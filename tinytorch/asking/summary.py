"""summary: the layers of a network, with the shapes, weights and operations of each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from compiler.analysis.cost import cost_of
from compiler.errors import ArgumentError
from compiler.ir.dims import Extent
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from tinytorch.api import input as make_input
from tinytorch.nn.module import Call, Module, recorded_calls
from tinytorch.nn.summaries import Layer, Summary
from tinytorch.tensor import Tensor


def summary(network: Module, *inputs: Any) -> Summary:
    """Calls a network and says what each of its modules returned, holds and computes.

    `inputs` are tensors, or shapes for float32 inputs, as `("batch", 784)`. Extents that are names make
    shapes and flops polynomials. Layers are in the mode that they are in; nothing is compiled or run.

        print(tt.summary(net, ("batch", 1, 28, 28)))

    Raises ArgumentError for what is no module, or no tensor and no shape.
    """
    if not isinstance(cast(object, network), Module):
        raise ArgumentError(f"a summary is of a tt.nn.Module, not of {network!r}")
    given = [_input(number, item) for number, item in enumerate(inputs)]
    with recorded_calls() as calls:
        network(*given)
    roots = [tensor.node for call in calls for tensor in _tensors(call.result)]
    costs = {node: cost_of([node], [node]).flops for node in Graph.of(roots).nodes} if roots else {}
    names = {id(module): path for path, module in network.named_modules()}
    seen: set[int] = set()
    return Summary(tuple(_layer(call, names, seen, costs) for call in calls))


def _layer(call: Call, names: Mapping[int, str], seen: set[int], costs: Mapping[Node, Extent]) -> Layer:
    module = call.module
    is_first = id(module) not in seen
    seen.add(id(module))
    weights, buffers = (module.parameters(), module.buffers()) if is_first else ([], [])
    made = (flops for node, flops in costs.items() if call.first < node.serial < call.last)
    return Layer(
        names.get(id(module), module.path or ""),
        type(module).__name__,
        tuple(str(tensor.type) for tensor in _tensors(call.result)),
        _numbers(weights),
        _numbers([tensor for tensor in weights if not tensor.requires_grad]),
        _numbers(buffers),
        sum(made, start=0),
    )


def _numbers(tensors: Sequence[Tensor]) -> int:
    return sum(math.prod(map(int, cast("Sequence[int]", tensor.shape))) for tensor in tensors)


def _input(number: int, item: Any) -> Tensor:
    if isinstance(item, Tensor):
        return item
    if isinstance(item, Sequence) and not isinstance(item, str):
        return make_input(f"x{number}" if number else "x", cast("Sequence[Any]", item))
    raise ArgumentError(f"a network is given tensors, or shapes as ('batch', 784), not {item!r}")


def _tensors(result: Any) -> list[Tensor]:
    """What a call returned, of tuples, lists and dicts of tensors to any depth."""
    return list(_within(result))


def _within(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple | dict):
        for item in cast("Any", value.values() if isinstance(value, dict) else value):
            yield from _within(item)
