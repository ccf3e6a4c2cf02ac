"""Real digits in the course's style, and the same step as one compiled program, with both times."""

import time

import numpy as np

import tinytorch as tt
from tinytorch.core.activations import ReLU
from tinytorch.core.layers import Dense, Sequential
from tinytorch.core.losses import CrossEntropyLoss
from tinytorch.core.optimizers import Adam
from tinytorch.core.training import CompiledStep, accuracy, train
from tinytorch.data import load_digits

images, labels = load_digits()
order = np.random.default_rng(0).permutation(len(images))
held_out, known = order[:357], order[357:]
x, y = images[known], labels[known]
EPOCHS, BATCH = 5, 96

network = Sequential(Dense(64, 32, seed=1), ReLU(), Dense(32, 10, seed=2))
optimizer = Adam(network.parameters(), learning_rate=0.005)
start = time.perf_counter()
history = train(
    network, x, y, loss=CrossEntropyLoss(), optimizer=optimizer, epochs=EPOCHS, batch_size=BATCH, seed=0
)
course = time.perf_counter() - start
print("loss of each epoch:", np.round(history, 3))
print(
    f"in the course's style: {accuracy(network, images[held_out], labels[held_out]):.1%} of {len(held_out)}"
)

start = time.perf_counter()
network = Sequential(Dense(64, 32, seed=1), ReLU(), Dense(32, 10, seed=2))
step = CompiledStep(
    network, CrossEntropyLoss(), x[:BATCH], y[:BATCH], lambda held: tt.optim.Adam(held, lr=0.005)
)
generator = np.random.default_rng(0)
for _ in range(EPOCHS):
    shuffled = generator.permutation(len(x))
    for part in np.split(shuffled, len(x) // BATCH):
        step(x[part], y[part])
step.finish()
compiled = time.perf_counter() - start
print(f"as one compiled step:  {accuracy(network, images[held_out], labels[held_out]):.1%}")
print(f"{EPOCHS * len(x) // BATCH} steps, compiling included: {course:.2f} s and {compiled:.2f} s")
