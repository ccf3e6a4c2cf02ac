"""One step of a recurrent network: RNNCell, GRUCell, LSTMCell, and what the layers share with them.

A step takes what the input adds to the gates, `[batch, gates * hidden]`, and the state before it.

RNN   Elman, Finding Structure in Time (1990)
LSTM  Hochreiter and Schmidhuber, Long Short-Term Memory (1997), with the forget gates of Gers et al. (2000)
GRU   Cho et al., Learning Phrase Representations using RNN Encoder-Decoder (2014), in cuDNN's form
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar, Final, Literal, TypeAlias

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.node import describe
from tinytorch.axes import counted
from tinytorch.nn.initialisers import uniform
from tinytorch.nn.module import Module, Seed
from tinytorch.ops.activations import relu, sigmoid
from tinytorch.ops.arrays import chunk
from tinytorch.ops.elementwise import tanh
from tinytorch.ops.making import zeros
from tinytorch.tensor import Tensor, as_tensor

State: TypeAlias = tuple[Tensor, ...]
"""The hidden state `[batch, hidden]`, and with an LSTM that of the cell behind it."""
Step: TypeAlias = Callable[[Tensor, State, Tensor, "Tensor | None"], State]
"""What the input adds to the gates, the state, `weight_hh` and `bias_hh`, to the next state."""
Nonlinearity: TypeAlias = Literal["tanh", "relu"]


def _gates(state: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    product = state @ weight.T
    return product if bias is None else product + bias


def tanh_step(given: Tensor, state: State, weight: Tensor, bias: Tensor | None) -> State:
    """`tanh(W x + U h)`."""
    return (tanh(given + _gates(state[0], weight, bias)),)


def relu_step(given: Tensor, state: State, weight: Tensor, bias: Tensor | None) -> State:
    """`relu(W x + U h)`."""
    return (relu(given + _gates(state[0], weight, bias)),)


def lstm_step(
    given: Tensor,
    state: State,
    weight: Tensor,
    bias: Tensor | None,
    order: tuple[int, int, int, int] = (0, 1, 2, 3),
) -> State:
    """The cell keeps what the forget gate lets it, and adds what the input gate lets in.

    `order` is where the rows of the input gate, the forget gate, the cell and the output gate are.
    """
    hidden, cell = state
    parts = chunk(given + _gates(hidden, weight, bias), 4, -1)
    into, kept, new, out = (parts[place] for place in order)
    cell = sigmoid(kept) * cell + sigmoid(into) * tanh(new)
    return sigmoid(out) * tanh(cell), cell


def gru_step(
    given: Tensor,
    state: State,
    weight: Tensor,
    bias: Tensor | None,
    order: tuple[int, int, int] = (0, 1, 2),
) -> State:
    """The state moves towards a new one, which the reset gate hides the old one from.

    `order` is where the rows of the reset gate, the update gate and the new state are.
    """
    (hidden,) = state
    parts_x, parts_h = chunk(given, 3, -1), chunk(_gates(hidden, weight, bias), 3, -1)
    reset_x, update_x, new_x = (parts_x[place] for place in order)
    reset_h, update_h, new_h = (parts_h[place] for place in order)
    new = tanh(new_x + sigmoid(reset_x + reset_h) * new_h)
    update = sigmoid(update_x + update_h)
    return ((1 - update) * new + update * hidden,)


STEPS: Final[dict[Nonlinearity, Step]] = {"tanh": tanh_step, "relu": relu_step}


def step_of(nonlinearity: Nonlinearity) -> Step:
    """The step of a simple recurrent network. Raises ArgumentError for a name that is none of its two."""
    if nonlinearity not in STEPS:
        raise ArgumentError(f"a nonlinearity is 'tanh' or 'relu', not {nonlinearity!r}")
    return STEPS[nonlinearity]


def sizes(kind: str, input_size: Any, hidden_size: Any) -> tuple[int, int]:
    """Both as ints. Raises ArgumentError for a hidden size that is not positive."""
    inputs, hidden = counted("input_size", input_size), counted("hidden_size", hidden_size)
    if inputs < 0 or hidden <= 0:
        raise ArgumentError(f"{kind}: input_size and hidden_size are counts, not {inputs} and {hidden}")
    return inputs, hidden


def check_width(of: Module, x: Tensor, width: int) -> None:
    """Raises ShapeError for another last extent, and for what is not floating."""
    if not x.dtype.is_float:
        raise ShapeError(f"{of!r} reads floats: {describe(x.node)}\n  fix: tt.nn.Embedding, or astype")
    if x.shape[-1] != width:
        raise ShapeError(f"{of!r} reads a last extent of {width}: {describe(x.node)}")


def pair_of(of: Module, state: Any) -> State:
    """The state of an LSTM. Raises ArgumentError where it is no pair."""
    items = () if isinstance(state, Tensor) else tuple(state)
    if len(items) != 2:
        raise ArgumentError(f"{of!r}: the state of an LSTM is a pair (h, c), not {state!r}")
    return tuple(map(as_tensor, items))


class _Cell(Module):
    """One step, with the parameters of PyTorch's cell."""

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None
    bias_hh: Tensor | None
    gates: ClassVar[int]
    states: ClassVar[int] = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        name: str | None = None,
        seed: Seed = None,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(name=name, seed=seed)
        self.input_size, self.hidden_size = sizes(type(self).__name__, input_size, hidden_size)
        begin, rows = uniform(1 / math.sqrt(self.hidden_size)), self.gates * self.hidden_size
        self.declare("weight_ih", (rows, self.input_size), begin, dtype)
        self.declare("weight_hh", (rows, self.hidden_size), begin, dtype)
        if not bias:
            self.bias_ih = self.bias_hh = None
            return
        self.declare("bias_ih", (rows,), begin, dtype)
        self.declare("bias_hh", (rows,), begin, dtype)

    def _step(self) -> Step:
        raise NotImplementedError

    def _next(self, x: Tensor, state: State | None) -> State:
        if x.ndim not in (1, 2):
            raise ShapeError(f"{self!r} reads [batch, {self.input_size}] or one row: {describe(x.node)}")
        check_width(self, x, self.input_size)
        given = x @ self.weight_ih.T
        given = given if self.bias_ih is None else given + self.bias_ih
        wanted = (*x.shape[:-1], self.hidden_size)
        if state is None:
            state = (zeros(wanted, dtype=given.dtype),) * self.states
        for part in state:
            if part.shape != wanted:
                raise ShapeError(f"{self!r}: a state is {list(wanted)}: {describe(part.node)}")
        return self._step()(given, state, self.weight_hh, self.bias_hh)

    def __repr__(self) -> str:
        bias = ", bias=False" if self.bias_ih is None else ""
        return f"{type(self).__name__}({self.input_size}, {self.hidden_size}{bias})"


class RNNCell(_Cell):
    """One step of a simple recurrent network: `[batch, input_size]` and a state `[batch, hidden_size]`.

    `weight_ih` is `[hidden, input]`, `weight_hh` `[hidden, hidden]`, both biases `[hidden]`, all begun
    uniformly within `1 / sqrt(hidden_size)` (torch.nn.RNNCell). Without a state it is 0; a single row may be
    without the batch axis.
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: Nonlinearity = "tanh",
        *,
        name: str | None = None,
        seed: Seed = None,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(input_size, hidden_size, bias, name=name, seed=seed, dtype=dtype)
        step_of(nonlinearity)
        self.nonlinearity: Nonlinearity = nonlinearity

    def _step(self) -> Step:
        return step_of(self.nonlinearity)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The next state."""
        return self._next(input, None if hx is None else (hx,))[0]


class GRUCell(_Cell):
    """One step of a gated recurrent unit, with a state `[batch, hidden_size]` (torch.nn.GRUCell).

    The rows of the parameters are those of the reset gate, the update gate and the new state.
    """

    gates = 3

    def _step(self) -> Step:
        return gru_step

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The next state."""
        return self._next(input, None if hx is None else (hx,))[0]


class LSTMCell(_Cell):
    """One step of a long short-term memory, with a state `(h, c)`, each `[batch, hidden_size]`.

    The rows of the parameters are those of the input gate, the forget gate, the cell and the output gate
    (torch.nn.LSTMCell).
    """

    gates = 4
    states = 2

    def _step(self) -> Step:
        return lstm_step

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """The next `(h, c)`."""
        hidden, cell = self._next(input, None if hx is None else pair_of(self, hx))
        return hidden, cell
