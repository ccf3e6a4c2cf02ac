"""XOR in the course's style, and the same step as one compiled program, with both times."""

import time

import numpy as np

import tinytorch as tt
from tinytorch.core.activations import Sigmoid, Tanh
from tinytorch.core.autograd import collect_parameters
from tinytorch.core.layers import Dense
from tinytorch.core.losses import MeanSquaredError
from tinytorch.core.optimizers import Adam
from tinytorch.core.training import CompiledStep, through, train

STEPS = 400
x = np.float32([[0, 0], [0, 1], [1, 0], [1, 1]])
y = np.float32([[0], [1], [1], [0]])


def network() -> list:
    return [Dense(2, 8, seed=1), Tanh(), Dense(8, 1, seed=2), Sigmoid()]


layers = network()
optimizer = Adam(collect_parameters(layers), learning_rate=0.05)
start = time.perf_counter()
history = train(layers, x, y, loss=MeanSquaredError(), optimizer=optimizer, epochs=STEPS)
course = time.perf_counter() - start
print(f"in the course's style: loss {history[0]:.4f} to {history[-1]:.6f}")
print(np.array(through(layers, tt.core.Tensor(x))).round(2).ravel())

start = time.perf_counter()
layers = network()
step = CompiledStep(layers, MeanSquaredError(), x, y, lambda held: tt.optim.Adam(held, lr=0.05))
for _ in range(STEPS):
    loss = step(x, y)
step.finish()
compiled = time.perf_counter() - start
print(f"as one compiled step:  loss {loss:.6f}")
print(f"{STEPS} steps, compiling included: {course:.2f} s and {compiled:.2f} s")
