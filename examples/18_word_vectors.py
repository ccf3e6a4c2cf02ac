"""Word vectors by negative sampling, learnt from this repository's own documents: words that are used alike.

    python examples/18_word_vectors.py

Mikolov et al., Distributed Representations of Words and Phrases (2013). A word's vector should point to those
of the words around it, and away from others that are drawn at random: for each of its neighbours, a yes, and
for each of the drawn ones, a no. So `binary_cross_entropy_with_logits` of dot products is all there is.
"""

import re
import time
from collections import Counter
from pathlib import Path

import numpy as np

import tinytorch as tt

ROOT = Path(__file__).parent.parent
LEAST, WIDTH, WINDOW, DRAWN, BATCH, EPOCHS = 12, 48, 5, 6, 1024, 15
ASKED = ("float64", "raises", "rows", "kernel", "memory", "numpy", "gradient", "first")


def sentences() -> list[list[str]]:
    """The words of all pages, and of the docstrings of the package, sentence by sentence."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("*.md"))]
    texts += [path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("examples/docs/**/*.md"))]
    for path in sorted(ROOT.glob("[tpc]*/**/*.py")):
        if "tests" not in path.parts:
            texts += re.findall(r'"""(.*?)"""', path.read_text(encoding="utf-8"), re.DOTALL)
    parts = re.split(r"[.:;|\n]\s*\n|[.:;|]\s", "\n\n".join(texts))
    return [re.findall(r"[a-z_]+[0-9]*", part.lower()) for part in parts]


class Vectors(tt.nn.Module):
    """Two vectors for each word: as the one asked about, and as a neighbour."""

    def __init__(self, words: int) -> None:
        super().__init__(seed=0)
        small = tt.nn.initialisers.normal(0.1)
        self.word = tt.nn.Embedding(words, WIDTH, initialiser=small)
        self.neighbour = tt.nn.Embedding(words, WIDTH, initialiser=small)

    def forward(self, word: tt.Tensor, others: tt.Tensor) -> tt.Tensor:
        """How much each of some others (batch, n) belongs near a word (batch,): (batch, n)."""
        return tt.einsum("bd,bnd->bn", self.word(word), self.neighbour(others))


def pairs(line: np.ndarray, word: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Words with their neighbours in the same line, in any order; frequent words are left out at random."""
    is_kept = generator.random(len(word)) < keep[word]
    line, word = line[is_kept], word[is_kept]
    found = []
    for apart in range(1, WINDOW + 1):
        near = np.stack([word[:-apart], word[apart:]], axis=1)[line[:-apart] == line[apart:]]
        found += [near, near[:, ::-1]]
    return generator.permutation(np.concatenate(found))


spoken = sentences()
counts = Counter(word for line in spoken for word in line if len(word) > 1)
words = [word for word, count in counts.most_common() if count >= LEAST]
number = {word: k for k, word in enumerate(words)}
known = np.array([(k, number[word]) for k, line in enumerate(spoken) for word in line if word in number])
share = np.array([counts[word] for word in words], dtype=float)
share /= share.sum()
keep = np.minimum(1, np.sqrt(2e-4 / share))
drawing = np.cumsum(share**0.75 / (share**0.75).sum())
print(f"{len(known)} words, {len(words)} of them different")

network = Vectors(len(words))
word, others = tt.input("word", (BATCH,), "int64"), tt.input("others", (BATCH, 1 + DRAWN), "int64")
is_neighbour = tt.constant(np.eye(1, 1 + DRAWN, dtype=np.float32).repeat(BATCH, axis=0))
loss = tt.losses.binary_cross_entropy_with_logits(network(word, others), is_neighbour) * (1 + DRAWN)
optimiser = tt.optim.Adam(network.parameters(), lr=5e-3)
step = tt.compile([word, others], loss, updates=optimiser.updates(loss))

generator = np.random.default_rng(0)
began, steps = time.perf_counter(), 0
for epoch in range(EPOCHS):
    costs = []
    rows = pairs(*known.T, generator)
    for batch in np.split(rows, range(BATCH, len(rows), BATCH))[:-1]:
        drawn = np.minimum(np.searchsorted(drawing, generator.random((BATCH, DRAWN))), len(words) - 1)
        costs.append(step(batch[:, 0], np.concatenate([batch[:, 1:], drawn], axis=1)))
    steps += len(costs)
    if epoch % 5 == 0:
        print(f"epoch {epoch:2}: {np.mean(costs):.3f}, {len(costs)} steps")
print(f"{steps} steps in {time.perf_counter() - began:.1f} s")

table = tt.value_of(network.word.weight)
table = table / np.linalg.norm(table, axis=1, keepdims=True)


def nearest(name: str, count: int = 6) -> list[str]:
    """The words whose vectors point most nearly as this one's."""
    order = np.argsort(-(table @ table[number[name]]))
    return [words[k] for k in order if words[k] != name][:count]


for name in ASKED:
    print(f"{name:10} {', '.join(nearest(name))}")

assert np.mean(costs) < 2.9
assert {"float32", "float16", "int64", "int8"} & set(nearest("float64"))
assert any(name.endswith("error") for name in nearest("raises"))
assert {"columns", "row", "axis", "matrix"} & set(nearest("rows", 12))
