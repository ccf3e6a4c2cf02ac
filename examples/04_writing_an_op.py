"""An op from one formula: its gradient, its text, its LaTeX and its checks come with it."""

import numpy as np

import tinytorch as tt

# Keyword parameters are parameters of the op. Unstable forms that are known become stable ones.
softer = tt.elementwise("softer", lambda x, *, beta=1.0: x * tt.tanh(tt.log(1 + tt.exp(beta * x))))
print(softer)
print("recognised:", *softer.formula.recognised)

x = tt.input("x", shape=("n",))
y = softer(x, beta=2.0)
program = tt.compile([x], [y, tt.grad(y.sum(), x)])
print(*program(np.float32([-1000, -1, 0, 1, 1000])), sep="\n")

# The gradient against central differences, to second order.
tt.testing.check_gradient(lambda x: softer(x, beta=2.0), np.linspace(-3, 3, 7), order=2)
print(tt.explain(tt.grad(y.sum(), x)))
