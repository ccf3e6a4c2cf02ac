"""Real digits: a classifier, trained for a few epochs, with the loss of each, and judged on others."""

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
accuracy = (tt.argmax(logits, axis=1) == labels).astype("float32").mean()

optimiser = tt.optim.Adam(network.parameters(), lr=5e-3)
step = tt.compile([x, labels], loss, updates=optimiser.updates(loss))
judge = tt.compile([x, labels], {"loss": loss, "accuracy": accuracy})

history = tt.fit(
    step, (images[train], targets[train]), epochs=8, batch_size=64, seed=0,
    validation=(judge, (images[test], targets[test])),
)  # fmt: skip
print(history)
print(f"{history['val_accuracy'][-1]:.1%} of {len(test)} held-out digits")
assert history["val_accuracy"][-1] > 0.9
