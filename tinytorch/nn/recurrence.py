"""One recurrent layer in one direction: a state carried along a sequence, unrolled over its known length.

What the input adds to the gates is one product for all steps; each step multiplies the state alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from compiler.ir.scope import scope
from tinytorch.nn.cells import State, Step, gru_step, lstm_step, relu_step, tanh_step
from tinytorch.ops.layout import stack
from tinytorch.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Kind:
    """What is carried, and how: the rows of the weights are those of the gates, in an order of the kind."""

    name: str
    step: Step
    gates: int = 1
    states: int = 1
    adds_biases: bool = True
    """Whether both biases are only ever added to each other."""


TANH: Final = Kind("rnn", tanh_step)
RELU: Final = Kind("rnn", relu_step)
GRU: Final = Kind("gru", gru_step, 3, adds_biases=False)
"""Of the reset gate, the update gate and the new state, as PyTorch has them."""
GRU_OF_ONNX: Final = Kind("gru", partial(gru_step, order=(1, 0, 2)), 3, adds_biases=False)
"""The update gate before the reset gate."""
LSTM: Final = Kind("lstm", lstm_step, 4, 2)
"""Of the input gate, the forget gate, the cell and the output gate, as PyTorch has them."""
LSTM_OF_ONNX: Final = Kind("lstm", partial(lstm_step, order=(0, 2, 3, 1)), 4, 2)
"""Of the input gate, the output gate, the forget gate and the cell."""


def carried(
    kind: Kind,
    x: Tensor,
    state: State,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None = None,
    bias_hh: Tensor | None = None,
    *,
    is_reversed: bool = False,
) -> tuple[Tensor, State]:
    """The hidden states `[time, batch, hidden]` for `x` `[time, batch, input]`, and the state at the end.

    `state` is that before the first step, each part `[batch, hidden]`; `is_reversed` begins with the last
    element of the sequence. Weights are `[gates * hidden, ...]`, biases `[gates * hidden]`, both or none.
    """
    with scope(kind.name):
        first, bias = bias_ih, bias_hh
        gates = x @ weight_ih.T
        if first is not None and bias is not None and kind.adds_biases:
            first, bias = first + bias, None
        gates = gates if first is None else gates + first
        places, outputs = range(x.shape[0]), list[Tensor]()
        for time in reversed(places) if is_reversed else places:
            with scope("step"):
                state = kind.step(gates[time], state, weight_hh, bias)
            outputs.append(state[0])
        if is_reversed:
            outputs.reverse()
        return stack(outputs), state
