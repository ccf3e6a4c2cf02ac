"""An LSTM that learns to add numbers of 8 digits, and then adds numbers of 30.

It reads both numbers from the right, a pair of digits in each step, and writes a digit of the sum: what it
has to find out is how to carry. A recurrent layer is unrolled over a known length, so each length is a
program of its own; they share the weights.
"""

import numpy as np

import tinytorch as tt
from tinytorch import nn

DIGITS, LONGER, BATCH, STEPS = 8, 30, 64, 700


class Adder(nn.Module):
    """Logits of each digit of a sum `[batch, digits, 10]`, of pairs of digits `[batch, digits, 2]`."""

    def __init__(self) -> None:
        super().__init__(seed=0)
        self.lstm = nn.LSTM(20, 24, batch_first=True)
        self.digit = nn.Linear(24, 10)

    def forward(self, pairs: tt.Tensor) -> tt.Tensor:
        read, _ = self.lstm(tt.one_hot(pairs, 10, dtype="float32").flatten(2))
        return self.digit(read)


def sums(count: int, digits: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of digits, the last ones first, and the digits of the sums."""
    pairs = generator.integers(0, 10, (count, digits + 1, 2))
    pairs[:, -1] = 0  # room for what is carried
    total, carried = np.zeros((count, digits + 1), np.int64), np.zeros(count, np.int64)
    for place in range(digits + 1):
        found = pairs[:, place].sum(1) + carried
        total[:, place], carried = found % 10, found // 10
    return pairs, total


net = Adder()
pairs = tt.input("pairs", (BATCH, DIGITS + 1, 2), dtype="int64")
wanted = tt.input("wanted", (BATCH, DIGITS + 1), dtype="int64")
loss = tt.losses.cross_entropy(net(pairs), wanted, axis=-1)
optimiser = tt.optim.Adam(net.parameters(), lr=0.01)
step = tt.compile([pairs, wanted], loss, updates=optimiser.updates(loss))

generator = np.random.default_rng(0)
for count in range(STEPS):
    value = step(*sums(BATCH, DIGITS, generator))
    if count % 100 == 99:
        print(f"step {count + 1}: {float(value):.4f} nats a digit")

longer = tt.input("longer", ("batch", LONGER + 1, 2), dtype="int64")
add = tt.compile(longer, tt.argmax(net.eval()(longer), -1))
given, total = sums(1000, LONGER, generator)
found = add(given)


def number(digits: np.ndarray) -> int:
    """What digits say, the last of them first."""
    return int("".join(map(str, digits[::-1])))


print(f"{number(given[0, :, 0])}\n+ {number(given[0, :, 1])}\n= {number(found[0])}")
accuracy = float((found == total).all(1).mean())
print(f"{accuracy:.1%} of 1,000 sums of {LONGER} digits are right in every digit")
assert accuracy > 0.99, accuracy
