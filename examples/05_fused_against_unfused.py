"""One graph under three schedules: kernel by kernel, fused, and fused in place."""

import numpy as np

import tinytorch as tt

x, b = tt.input("x", ("batch", 500)), tt.input("b", (500,))
y = x * tt.sigmoid(tt.gelu(x + b, approximate="tanh"))
loss = (y**2.0).mean()
slopes = tt.grad(loss, [x, b])

random = np.random.default_rng(0)
data = [random.standard_normal((2000, 500), np.float32), random.standard_normal(500, np.float32)]
found = tt.compare([x, b], [loss, *slopes], data=data, backend="numpy", rounds=3, seconds=0.05)
print(found)

# Every variant is a program that can be asked. A slab's size is a formula in the batch.
fused = found["fused + in place"].program
print(fused.schedule)
print(fused.plan)
print(fused.why(y))
print(fused.cost)  # formulas too; fused.cost.at(batch=2000) has numbers
print(fused.profile(*data, seconds=0.05))
