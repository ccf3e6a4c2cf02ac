"""RNN, GRU and LSTM: a state carried along sequences of a known length, in one direction or both.

What the input adds to the gates is one product for all steps. A sequence that is shorter than the others
keeps its state from its end on, or in reverse until there, and its outputs are zeros where it has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

from compiler.ir.scope import scope
from tinytorch.nn.recurrence import GRU_OF_ONNX, LSTM_OF_ONNX, RELU, TANH, Kind, carried
from tinytorch.onnx.calling.operator import operator
from tinytorch.onnx.calling.values import Unsupported
from tinytorch.onnx.operators import activations
from tinytorch.ops.activations import sigmoid
from tinytorch.ops.arrays import chunk
from tinytorch.ops.elementwise import clip, tanh, where
from tinytorch.ops.layout import stack
from tinytorch.ops.making import zeros
from tinytorch.tensor import Tensor

Activation: TypeAlias = Callable[[Tensor], Tensor]
States: TypeAlias = tuple[Tensor, ...]
Step: TypeAlias = Callable[[Tensor, States], States]
"""From what the input adds to the gates, and the states, to the next states: the hidden one is first."""


def _affine(x: Tensor, *, alpha: float, beta: float) -> Tensor:
    return alpha * x + beta


def _scaled_tanh(x: Tensor, *, alpha: float, beta: float) -> Tensor:
    return alpha * tanh(beta * x)


_ACTIVATIONS: Final[Mapping[str, tuple[Callable[..., Tensor], Mapping[str, float]]]] = {
    "relu": (activations.relu, {}),
    "tanh": (tanh, {}),
    "sigmoid": (sigmoid, {}),
    "affine": (_affine, {"alpha": 1.0, "beta": 0.0}),
    "leakyrelu": (activations.leaky_relu, {"alpha": 0.01}),
    "thresholdedrelu": (activations.thresholded_relu, {"alpha": 1.0}),
    "scaledtanh": (_scaled_tanh, {"alpha": 1.0, "beta": 1.0}),
    "hardsigmoid": (activations.hard_sigmoid, {"alpha": 0.2, "beta": 0.5}),
    "elu": (activations.elu, {"alpha": 1.0}),
    "softsign": (activations.softsign, {}),
    "softplus": (activations.softplus, {}),
}
"""By their names in small letters, with the alpha and beta that they have unless a model says others."""


@dataclass(frozen=True)
class _Network:
    """What the three operators have in common: their inputs and attributes."""

    x: Tensor
    w: Tensor
    r: Tensor
    b: Tensor | None
    lengths: Tensor | None
    initial: tuple[Tensor | None, ...]
    activations: Sequence[Activation]
    """Of each direction as many as there are kinds of gates."""
    clip: float | None
    direction: str
    layout: int

    def outputs(
        self, step_of: Callable[[int], Step], given_of: Callable[[Tensor, int], Tensor], kind: Kind | None
    ) -> Any:
        """The hidden states of all steps, and the last states: `step_of` and `given_of` by direction.

        A layer of a `kind` that `tinytorch.nn` has too is built as there, so that it is one node again.
        """
        x = self.x.swapaxes(0, 1) if self.layout else self.x
        steps = x.shape[0]
        if not isinstance(steps, int):
            raise Unsupported(
                f"it is unrolled over sequences of a known length, and theirs is {steps}\n"
                f"  fix: load(..., dims={{{str(steps)!r}: 10}}), and shorter sequences padded to it"
            )
        if steps < 1 or self.direction not in _REVERSED:
            raise Unsupported(f"{steps} steps in the direction {self.direction!r}")
        rows: list[Tensor] = []
        last: list[States] = []
        for position, is_reversed in enumerate(_REVERSED[self.direction]):
            begin = tuple(self._begin(state, x, position) for state in self.initial)
            if kind is not None and self.lengths is None and self.clip is None:
                weights = (_row(self.w, position), _row(self.r, position))
                biases = self.biases(position) or ()
                hidden, states = carried(kind, x, begin, *weights, *biases, is_reversed=is_reversed)
            else:
                order = range(steps - 1, -1, -1) if is_reversed else range(steps)
                hidden, states = self._pass(step_of(position), given_of(x, position), begin, order)
            rows.append(hidden)
            last.append(states)
        axis = 2 if self.layout else 1
        every = stack([row.swapaxes(0, 1) if self.layout else row for row in rows], axis)
        return every, *(stack(parts, axis - 1) for parts in zip(*last, strict=True))

    def _begin(self, state: Tensor | None, x: Tensor, position: int) -> Tensor:
        if state is None:
            return zeros([x.shape[1], self.r.shape[-1]], dtype=x.dtype)
        return state[:, position] if self.layout else _row(state, position)

    def _pass(self, step: Step, given: Tensor, states: States, order: Sequence[int]) -> tuple[Tensor, States]:
        hidden: dict[int, Tensor] = {}
        for time in order:
            with scope("step"):
                found = step(given[time], states)
                if self.lengths is None:
                    states, hidden[time] = found, found[0]
                else:
                    is_there = (self.lengths > time).unsqueeze(-1)
                    hidden[time] = where(is_there, found[0], 0.0)
                    states = tuple(where(is_there, *pair) for pair in zip(found, states, strict=True))
        return stack([hidden[time] for time in sorted(hidden)]), states

    def function(self, position: int, number: int) -> Activation:
        """An activation of a direction, of an input that is clipped."""
        per_direction = len(self.activations) // len(_REVERSED[self.direction])
        chosen = self.activations[position * per_direction + number]
        limit = self.clip
        return chosen if limit is None else lambda x: chosen(clip(x, -limit, limit))

    def biases(self, position: int) -> tuple[Tensor, Tensor] | None:
        """Those of the input and of the state."""
        if self.b is None:
            return None
        first, second = chunk(_row(self.b, position), 2, -1)
        return first, second

    def given(self, x: Tensor, position: int) -> Tensor:
        """What the input adds to the gates in all steps, with both biases."""
        product = x @ self.w[position].T
        biases = self.biases(position)
        return product if biases is None else product + (biases[0] + biases[1])


def _row(x: Tensor, position: int) -> Tensor:
    return x.reshape(x.shape[1:]) if x.shape[0] == 1 else x[position]


def _are(names: Sequence[str] | None, *wanted: str) -> bool:
    """Whether the activations of every direction are these, which are the default."""
    return not names or all(
        name.lower() == wanted[place % len(wanted)].lower() for place, name in enumerate(names)
    )


_REVERSED: Final[Mapping[str, tuple[bool, ...]]] = {
    "forward": (False,),
    "reverse": (True,),
    "bidirectional": (False, True),
}


def _chosen(
    names: Sequence[str] | None, default: Sequence[str], direction: str, alphas: Any, betas: Any
) -> list[Activation]:
    """The activations that a model names; each takes the alpha and the beta that it needs off the lists."""
    per_network = len(default) * len(_REVERSED.get(direction, ()))
    given = list(names or default) * (1 if names else len(_REVERSED.get(direction, ())))
    if len(given) < per_network:
        raise Unsupported(f"{len(given)} activations, where there are {per_network}")
    queues = {"alpha": list(alphas or ()), "beta": list(betas or ())}
    found: list[Activation] = []
    for name in given[:per_network]:  # the standard's default for RNN is of two directions
        if name.lower() not in _ACTIVATIONS:
            raise Unsupported(f"there is no activation {name!r}")
        function, defaults = _ACTIVATIONS[name.lower()]
        settings = {key: queues[key].pop(0) if queues[key] else value for key, value in defaults.items()}
        found.append(partial(function, **settings))
    return found


@operator("RNN", since=7, limits="The length of sequences is known when the graph is built.")
def rnn(
    x: Tensor, w: Tensor, r: Tensor, b: Tensor | None = None, sequence_lens: Tensor | None = None,
    initial_h: Tensor | None = None, *, direction: str, activations: Any, hidden_size: int | None = None,
    layout: int = 0, clip: float | None = None, activation_alpha: Any = None, activation_beta: Any = None,
) -> Any:  # fmt: skip
    """h' = f(W x + b + R h)"""
    chosen = _chosen(activations, ["Tanh"], direction, activation_alpha, activation_beta)
    network = _Network(x, w, r, b, sequence_lens, (initial_h,), chosen, clip, direction, layout)
    _check_hidden(r, hidden_size)

    def step_of(position: int) -> Step:
        weight, f = r[position].T, network.function(position, 0)
        return lambda given, states: (f(given + states[0] @ weight),)

    kind = TANH if _are(activations, "Tanh") else RELU if _are(activations, "Relu") else None
    return network.outputs(step_of, network.given, kind)


@operator("GRU", since=7, limits="The length of sequences is known when the graph is built.")
def gru(
    x: Tensor, w: Tensor, r: Tensor, b: Tensor | None = None, sequence_lens: Tensor | None = None,
    initial_h: Tensor | None = None, *, direction: str, activations: Any = None,
    hidden_size: int | None = None, layout: int = 0, clip: float | None = None, activation_alpha: Any = None,
    activation_beta: Any = None, linear_before_reset: int = 0,
) -> Any:  # fmt: skip
    """h' = (1 - z) n + z h, where the update z, the reset and the new state n are gates in this order."""
    default = ["Sigmoid", "Tanh"]
    chosen = _chosen(activations, default, direction, activation_alpha, activation_beta)
    network = _Network(x, w, r, b, sequence_lens, (initial_h,), chosen, clip, direction, layout)
    _check_hidden(r, hidden_size)

    def given_of(x: Tensor, position: int) -> Tensor:
        biases = network.biases(position)
        product = x @ w[position].T
        return product if biases is None else product + biases[0]

    def step_of(position: int) -> Step:
        f, g = (network.function(position, number) for number in (0, 1))
        biases = network.biases(position)
        weights = chunk(r[position], 3, 0)
        rows = [None] * 3 if biases is None else chunk(biases[1], 3, -1)

        def recurrent(state: Tensor, number: int) -> Tensor:
            product, row = state @ weights[number].T, rows[number]
            return product if row is None else product + row

        def step(given: Tensor, states: States) -> States:
            (hidden,) = states
            into_update, into_reset, into_new = chunk(given, 3, -1)
            update = f(into_update + recurrent(hidden, 0))
            reset = f(into_reset + recurrent(hidden, 1))
            from_old = reset * recurrent(hidden, 2) if linear_before_reset else recurrent(reset * hidden, 2)
            return ((1 - update) * g(into_new + from_old) + update * hidden,)

        return step

    kind = GRU_OF_ONNX if linear_before_reset and _are(activations, *default) else None
    return network.outputs(step_of, given_of, kind)


@operator("LSTM", since=7, limits="The length of sequences is known when the graph is built.")
def lstm(
    x: Tensor, w: Tensor, r: Tensor, b: Tensor | None = None, sequence_lens: Tensor | None = None,
    initial_h: Tensor | None = None, initial_c: Tensor | None = None, p: Tensor | None = None, *,
    direction: str, activations: Any = None, hidden_size: int | None = None, layout: int = 0,
    clip: float | None = None, activation_alpha: Any = None, activation_beta: Any = None,
    input_forget: int = 0,
) -> Any:  # fmt: skip
    """c' = forget c + input g, h' = output h(c'): gates of input, output, forget and cell in this order.

    Peepholes `p` add to the first three what they see of the cell; `input_forget` forgets 1 - input.
    """
    default = ["Sigmoid", "Tanh", "Tanh"]
    chosen = _chosen(activations, default, direction, activation_alpha, activation_beta)
    initial = (initial_h, initial_c)
    network = _Network(x, w, r, b, sequence_lens, initial, chosen, clip, direction, layout)
    _check_hidden(r, hidden_size)

    def step_of(position: int) -> Step:
        f, g, h = (network.function(position, number) for number in (0, 1, 2))
        weight = r[position].T
        seen = None if p is None else chunk(p[position], 3, -1)

        def peeped(gate: Tensor, cell: Tensor, number: int) -> Tensor:
            return gate if seen is None else gate + seen[number] * cell

        def step(given: Tensor, states: States) -> States:
            hidden, cell = states
            into, out, kept, new = chunk(given + hidden @ weight, 4, -1)
            share = f(peeped(into, cell, 0))
            left = 1 - share if input_forget else f(peeped(kept, cell, 2))
            cell = left * cell + share * g(new)
            return f(peeped(out, cell, 1)) * h(cell), cell

        return step

    kind = LSTM_OF_ONNX if p is None and not input_forget and _are(activations, *default) else None
    return network.outputs(step_of, network.given, kind)


def _check_hidden(r: Tensor, hidden_size: int | None) -> None:
    if hidden_size is not None and r.shape[-1] != hidden_size:
        raise Unsupported(f"hidden_size is {hidden_size}, and R has {list(r.shape)}")
