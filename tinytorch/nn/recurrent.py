"""RNN, GRU and LSTM: layers of states that are carried along a sequence, in one direction or in both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.dims import Dim
from compiler.ir.node import describe
from tinytorch.axes import counted
from tinytorch.nn import recurrence
from tinytorch.nn.cells import (
    Nonlinearity,
    State,
    check_width,
    pair_of,
    sizes,
    step_of,
)
from tinytorch.nn.dropout import Dropout
from tinytorch.nn.initialisers import uniform
from tinytorch.nn.module import Module, Seed
from tinytorch.nn.recurrence import Kind, carried
from tinytorch.ops.layout import concatenate, stack
from tinytorch.ops.making import zeros
from tinytorch.tensor import Tensor, as_tensor


class _Recurrent(Module):
    """Layers of one kind of step, each in one direction or both."""

    gates: ClassVar[int]
    states: ClassVar[int] = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        name: str | None = None,
        seed: Seed = None,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(name=name, seed=seed)
        self.input_size, self.hidden_size = sizes(type(self).__name__, input_size, hidden_size)
        self.num_layers = counted("num_layers", num_layers)
        if self.num_layers < 1:
            raise ArgumentError(f"{type(self).__name__} has at least one layer, not {self.num_layers}")
        self.bias, self.batch_first, self.bidirectional = bool(bias), bool(batch_first), bool(bidirectional)
        self.dropout = Dropout(dropout)
        begin = uniform(1 / math.sqrt(self.hidden_size))
        for layer in range(self.num_layers):
            width = self.input_size if layer == 0 else self.hidden_size * self.directions
            for suffix in self._suffixes(layer):
                self._direction(suffix, width, begin, dtype)

    def _direction(self, suffix: str, width: int, begin: Any, dtype: Any) -> None:
        rows = self.gates * self.hidden_size
        self.declare(f"weight_ih{suffix}", (rows, width), begin, dtype)
        self.declare(f"weight_hh{suffix}", (rows, self.hidden_size), begin, dtype)
        if self.bias:
            self.declare(f"bias_ih{suffix}", (rows,), begin, dtype)
            self.declare(f"bias_hh{suffix}", (rows,), begin, dtype)

    @property
    def directions(self) -> int:
        """1, or 2 where sequences are read in both directions."""
        return 2 if self.bidirectional else 1

    def _suffixes(self, layer: int) -> list[str]:
        return [f"_l{layer}", f"_l{layer}_reverse"][: self.directions]

    def _kind(self) -> Kind:
        raise NotImplementedError

    # Use

    def _unrolled(self, given: Any, initial: Sequence[Tensor] | None) -> tuple[Tensor, State]:
        """The last layer's states of all steps, and the final states of all layers."""
        x = self._checked(as_tensor(given))
        is_batch = x.ndim == 3
        x = x if is_batch else x.unsqueeze(1)
        x = x.swapaxes(0, 1) if self.batch_first and is_batch else x
        begin = self._initial(x, initial, is_batch)
        final: list[State] = []
        for layer in range(self.num_layers):
            pieces: list[Tensor] = []
            for suffix in self._suffixes(layer):
                number = len(final)
                output, state = self._pass(x, tuple(part[number] for part in begin), suffix)
                pieces.append(output)
                final.append(state)
            x = pieces[0] if len(pieces) == 1 else concatenate(pieces, -1)
            x = x if layer == self.num_layers - 1 else self.dropout(x)
        ends = tuple(stack(parts) for parts in zip(*final, strict=True))
        if not is_batch:
            return x.squeeze(1), tuple(part.squeeze(1) for part in ends)
        return (x.swapaxes(0, 1) if self.batch_first else x), ends

    def _pass(self, x: Tensor, state: State, suffix: str) -> tuple[Tensor, State]:
        """One layer in one direction: `[time, batch, hidden]`, and its last state."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights = [self._of(name, suffix) for name in names]
        return carried(self._kind(), x, state, *weights, is_reversed=suffix.endswith("_reverse"))

    def _of(self, what: str, suffix: str) -> Any:
        return getattr(self, what + suffix) if self.bias or what.startswith("weight") else None

    def _initial(self, x: Tensor, given: Sequence[Tensor] | None, is_batch: bool) -> State:
        """The states `[layers * directions, batch, hidden]` before the first step."""
        wanted = (self.num_layers * self.directions, x.shape[1], self.hidden_size)
        if given is None:
            return (zeros(wanted, dtype=x.dtype),) * self.states
        found: list[Tensor] = []
        for item in map(as_tensor, given):
            part = item if is_batch or item.ndim != 2 else item.unsqueeze(1)
            if part.shape != wanted:
                needed = list(wanted) if is_batch else [wanted[0], wanted[2]]
                raise ShapeError(
                    f"{self!r}: a state is {needed}, layers times directions first, also with batch_first: "
                    f"{describe(item.node)}"
                )
            found.append(part)
        return tuple(found)

    def _checked(self, x: Tensor) -> Tensor:
        """The input, if it is a sequence of a known length. Raises ShapeError."""
        if x.ndim not in (2, 3):
            order = "[batch, time" if self.batch_first else "[time, batch"
            raise ShapeError(
                f"{self!r} reads {order}, {self.input_size}], or one sequence [time, {self.input_size}]: "
                f"{describe(x.node)}"
            )
        check_width(self, x, self.input_size)
        axis = 1 if self.batch_first and x.ndim == 3 else 0
        steps = x.shape[axis]
        if isinstance(steps, Dim):
            raise ShapeError(
                f"{self!r} is unrolled, so that its number of steps, axis {axis}, is known when the graph is "
                f"built: {describe(x.node)}\n  fix: an int for {steps}, and shorter sequences padded to it"
            )
        if steps == 0:
            raise ShapeError(f"{self!r} needs at least one step on axis {axis}: {describe(x.node)}")
        return x

    def __repr__(self) -> str:
        said = [str(self.input_size), str(self.hidden_size)]
        said += [f"num_layers={self.num_layers}"] * (self.num_layers > 1)
        said += ["bias=False"] * (not self.bias)
        said += [f"{name}=True" for name in ("batch_first", "bidirectional") if getattr(self, name)]
        said += [f"dropout={self.dropout.p:g}"] * (self.dropout.p > 0)
        return f"{type(self).__name__}({', '.join(said)})"


class RNN(_Recurrent):
    """Simple recurrent layers, `h' = tanh(W x + b + U h + c)`: `[time, batch, input_size]` to `[.., hidden]`.

    Returns the last layer's states of all steps, `[time, batch, directions * hidden_size]`, and the final
    states of all layers and directions, `[num_layers * directions, batch, hidden_size]`. With `batch_first`
    the batch comes before the time in input and output; without a batch axis there is none in them. The
    length of sequences is known when the graph is built (ShapeError).

    Parameters are `weight_ih_l0` `[hidden, input]`, `weight_hh_l0` `[hidden, hidden]`, `bias_ih_l0`,
    `bias_hh_l0`, and so on for each layer, `_reverse` behind those of the other direction; all begin
    uniformly within `1 / sqrt(hidden_size)`. `dropout` is between layers, in training (torch.nn.RNN).
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: Nonlinearity = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        name: str | None = None,
        seed: Seed = None,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            name=name,
            seed=seed,
            dtype=dtype,
        )
        step_of(nonlinearity)
        self.nonlinearity: Nonlinearity = nonlinearity

    def _kind(self) -> Kind:
        return recurrence.TANH if self.nonlinearity == "tanh" else recurrence.RELU

    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """`(output, h_n)`."""
        output, (hidden,) = self._unrolled(input, None if hx is None else [hx])
        return output, hidden


class GRU(_Recurrent):
    """Layers of gated recurrent units: shapes, parameters and results as of `RNN` (torch.nn.GRU).

    The rows of `weight_ih_l0` `[3 * hidden, input]` and its kin are those of the reset gate, the update gate
    and the new state.
    """

    gates = 3

    def _kind(self) -> Kind:
        return recurrence.GRU

    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """`(output, h_n)`."""
        output, (hidden,) = self._unrolled(input, None if hx is None else [hx])
        return output, hidden


class LSTM(_Recurrent):
    """Layers of long short-term memory: shapes and parameters as of `RNN`, and a state `(h, c)`.

    The rows of `weight_ih_l0` `[4 * hidden, input]` and its kin are those of the input gate, the forget gate,
    the cell and the output gate (torch.nn.LSTM, without projections).
    """

    gates = 4
    states = 2

    def _kind(self) -> Kind:
        return recurrence.LSTM

    def forward(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """`(output, (h_n, c_n))`."""
        output, (hidden, cell) = self._unrolled(input, None if hx is None else pair_of(self, hx))
        return output, (hidden, cell)
