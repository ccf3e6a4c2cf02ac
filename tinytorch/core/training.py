"""A small training loop, in the course's style, and the same step compiled as one program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.build import input_node, parameter_node
from compiler.ir.node import Node, make_node
from compiler.ir.numbers import whole_number
from compiler.ir.op import Input
from tinytorch import api, optim
from tinytorch.core.gradients import owner_of
from tinytorch.core.programs import Recording
from tinytorch.core.values import Array
from tinytorch.core.variable import Variable
from tinytorch.tensor import Tensor
from tinytorch.values import checked_array


def through(network: Any, x: Any) -> Any:
    """`network(x)`, or the layers of a list called in turn."""
    if callable(network):
        return network(x)
    for layer in network:
        x = layer(x)
    return x


def train(
    network: Any,
    inputs: Any,
    targets: Any,
    *,
    loss: Callable[[Any, Any], Variable],
    optimizer: Any,
    epochs: int = 100,
    batch_size: int | None = None,
    seed: int | None = None,
) -> list[float]:
    """Trains a network (a module, or a list of layers) as the course does; the mean loss of each epoch.

    Batches of `batch_size` examples are drawn in a new order each epoch; without it an epoch is one batch.
    Raises ShapeError where there are not as many targets as inputs, or none; DTypeError for ragged lists.
    """
    if not _is_count(epochs):
        raise ArgumentError(f"training takes at least one epoch, not {epochs!r}")
    x, y, history = checked_array(inputs), checked_array(targets), list[float]()
    if x.shape[:1] != y.shape[:1] or not x.size:
        raise ShapeError(f"training takes a target for each input: {list(x.shape)} and {list(y.shape)}")
    generator = np.random.default_rng(seed)
    for _ in range(epochs):
        losses: list[float] = []
        for part in _batches(len(x), batch_size, generator):
            optimizer.zero_grad()
            found = loss(through(network, Variable(x[part], False)), Variable(y[part], False))
            found.backward()
            optimizer.step()
            losses.append(found.item())
        history.append(float(np.mean(losses)))
    return history


def _is_count(number: Any) -> bool:
    return (whole_number(number) or 0) > 0


def _batches(count: int, size: int | None, generator: np.random.Generator) -> Iterator[Any]:
    if size is None:
        yield slice(None)
        return
    if not _is_count(size):
        raise ArgumentError(f"a batch has at least one example, not {size!r}")
    order = generator.permutation(count)
    for start in range(0, count, size):
        yield order[start : start + size]


class CompiledStep:
    """Forward pass, loss, gradients and update of variables as one program.

        step = CompiledStep(network, loss, x, y, lambda parameters: tt.optim.SGD(parameters, lr=0.1))
        step(x, y)         # the loss before the step
        step.finish()      # the variables get their values

    `x` and `y` are examples: later calls have their shapes and dtypes. What the course's objects record on
    them is compiled, with the leaves of variables as parameters.
    """

    def __init__(
        self,
        network: Any,
        loss: Callable[[Any, Any], Variable],
        x: Any,
        y: Any,
        optimizer: Callable[[list[Tensor]], optim.Optimiser],
    ) -> None:
        given = [Variable(np.asarray(x), requires_grad=False), Variable(np.asarray(y), requires_grad=False)]
        places = [item.data.node for item in given]
        found = loss(through(network, given[0]), given[1])
        recording = Recording.of([found.read()], through_results=True)
        self.inputs = [input_node(name, node.type) for name, node in zip(("x", "y"), places, strict=True)]
        self.held: dict[Variable, Node] = {}
        twin = self._twin(recording, dict(zip(places, self.inputs, strict=True)))
        result = Tensor(twin[found.read()])
        parameters = [Tensor(node) for node in self.held.values()]
        updates = optimizer(parameters).updates(result)
        self.program = api.compile([Tensor(node) for node in self.inputs], result, updates=updates)

    def _twin(self, recording: Recording, known: dict[Node, Node]) -> dict[Node, Node]:
        twin = dict(known)
        values = dict(zip(recording.leaves, recording.values, strict=True))
        for node in recording.nodes:
            if node in twin:
                continue
            if node in values:
                twin[node] = self._leaf(node, values[node].array)
            elif isinstance(node.op, Input) or not node.operands:
                twin[node] = node
            else:
                twin[node] = make_node(
                    node.op, [twin[item] for item in node.operands], node.name, node.origin
                )
        return twin

    def _leaf(self, node: Node, array: Array) -> Node:
        owner = owner_of(node)
        if not isinstance(owner, Variable):
            return api.constant(array).node
        return self.held.setdefault(owner, parameter_node(array, None, node.origin))

    def __call__(self, x: Any, y: Any) -> float:
        """One step; the loss before it. Raises ShapeError or DTypeError for arrays of another type."""
        return float(self.program(x, y))

    def finish(self) -> None:
        """Writes the parameters back into the variables."""
        for variable, node in self.held.items():
            variable.data.write(api.value_of(Tensor(node)))


def accuracy(network: Any, inputs: Any, labels: Iterable[int]) -> float:
    """The share of rows whose largest output is at the label. Raises ShapeError where the counts differ."""
    x, wanted = np.asarray(inputs), np.asarray(labels)
    if len(x) != len(wanted):
        raise ShapeError(f"{len(x)} rows and {len(wanted)} labels")
    outputs: Array = np.array(through(network, Variable(x, requires_grad=False)))
    is_right: Array = np.argmax(outputs, axis=-1) == wanted
    return float(is_right.mean())
