"""Real digits: a classifier, trained for a few epochs, with the loss of each."""

import numpy as np

import tinytorch as tt
from tinytorch.data import load_digits

images, targets = load_digits()
order = np.random.default_rng(0).permutation(len(images))
test, train = order[:360], order[360:]

x = tt.input("x", shape=("batch", 64))
labels = tt.input("labels", shape=("batch",), dtype="int64")
network = tt.nn.Sequential(tt.nn.Dense(64, 32, seed=0), tt.nn.GELU(), tt.nn.Dense(32, 10, seed=1))
logits = network(x)
loss = tt.losses.cross_entropy(logits, labels)

optimiser = tt.optim.Adam(network.parameters(), lr=5e-3)
step = tt.compile([x, labels], loss, updates=optimiser.updates(loss))
predict = tt.compile([x], tt.argmax(logits, axis=1))

for epoch in range(8):
    losses = [step(images[part], targets[part]) for part in np.array_split(train, 23)]
    print(f"epoch {epoch}: loss {np.mean(losses):.3f}")

right = np.mean(predict(images[test]) == targets[test])
print(f"{right:.1%} of {len(test)} held-out digits")
