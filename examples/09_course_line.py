"""The course's first fit, y = 2x + 1, in the course's style: variables, backward, and a step by hand."""

import numpy as np

from tinytorch.core.autograd import Variable, mean
from tinytorch.core.programs import CACHE

x = np.linspace(-1, 1, 50, dtype=np.float32).reshape(-1, 1)
inputs, targets = Variable(x, requires_grad=False), Variable(2 * x + 1, requires_grad=False)
slope, offset = Variable([[0.0]]), Variable([0.0])

for epoch in range(60):
    prediction = inputs @ slope + offset
    loss = mean((prediction - targets) ** 2)
    slope.zero_grad()
    offset.zero_grad()
    loss.backward()
    rate = 0.5 / (1 + 0.01 * epoch)  # a number that changes is an input: nothing is compiled again
    slope.data._data -= rate * slope.grad.data._data
    offset.data._data -= rate * offset.grad.data._data
    if epoch % 15 == 0:
        print(f"epoch {epoch:2}: loss {loss.item():.5f}")

print(f"y = {slope.item():.3f} x + {offset.item():.3f}; programs compiled: {CACHE.compiled}")
print(loss.graph())
