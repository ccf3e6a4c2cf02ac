"""A transformer that learns this project's own documents, a character at a time, and writes on."""

import time
from pathlib import Path

import numpy as np

import tinytorch as tt
from tinytorch import nn

ROOT = Path(__file__).parent.parent
text = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "DESIGN.md"))
letters = sorted(set(text))
numbers = np.array([letters.index(letter) for letter in text])
LENGTH, WIDTH, BATCH, STEPS = 48, 64, 32, 800


class Writer(nn.Module):
    """Logits of the next character behind each one, from that and those before it."""

    def __init__(self) -> None:
        super().__init__(seed=0)
        self.characters = nn.Embedding(len(letters), WIDTH)
        self.positions = nn.LearnedPositions(WIDTH, LENGTH, batch_first=True)
        layer = nn.TransformerEncoderLayer(
            WIDTH, 4, 4 * WIDTH, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(WIDTH))
        self.logits = nn.Dense(WIDTH, len(letters))

    def forward(self, x: tt.Tensor) -> tt.Tensor:
        return self.logits(self.layers(self.positions(self.characters(x)), is_causal=True))


net = Writer()
x = tt.input("x", (BATCH, LENGTH), dtype="int64")
target = tt.input("target", (BATCH, LENGTH), dtype="int64")
rate = tt.input("rate", ())
loss = tt.losses.cross_entropy(net(x), target, axis=-1)
optimiser = tt.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.01)
step = tt.compile([x, target, rate], loss, updates=optimiser.updates(loss))

generator = np.random.default_rng(0)
start = time.perf_counter()
history: list[float] = []
for count in range(STEPS):
    places = generator.integers(0, len(numbers) - LENGTH - 1, (BATCH, 1)) + np.arange(LENGTH)
    warm, left = min(1.0, (count + 1) / 100), 1 - count / STEPS
    history.append(float(step(numbers[places], numbers[places + 1], np.float32(8e-3 * warm * left))))
    if (count + 1) % 200 == 0:
        print(f"step {count + 1:4}: {np.mean(history[-100:]):.2f} nats a character")
print(f"{sum(np.prod(p.shape) for p in net.parameters()):,} numbers, {time.perf_counter() - start:.0f} s")

# A program of its own predicts: of any length, and only what follows the last character.
read = tt.input("read", (1, "length"), dtype="int64")
predict = tt.compile(read, tt.softmax(net.eval()(read)[0, -1] / 0.5))
written = [letters.index(letter) for letter in "The compiler "]
for _ in range(400):
    shares = predict(np.array([written[-LENGTH:]]))
    written.append(int(np.searchsorted(np.cumsum(shares), generator.uniform() * shares.sum())))
print("".join(letters[number] for number in written))

known = set(text.split())
words = "".join(letters[number] for number in written).split()[1:-1]
share = sum(word in known for word in words) / len(words)
print(f"{share:.0%} of its words are words of these documents")
final = float(np.mean(history[-100:]))
assert final < 1.7, final
assert share > 0.6, share
