"""An expression and its gradient: build a graph, differentiate it, compile it, call it."""

import numpy as np

import tinytorch as tt

# Nothing is computed here: x and y are handles on nodes of a graph.
x = tt.input("x", shape=("n",))
y = (tt.sin(x) * tt.exp(-x)).sum().named("y")

# The gradient is more graph, so it can be differentiated again.
slope = tt.grad(y, x)
curvature = tt.grad(slope.sum(), x)

program = tt.compile([x], {"y": y, "slope": slope, "curvature": curvature})
print(program.source_graph)

points = np.linspace(0, 2, 5, dtype=np.float32)
for name, value in program(points).items():
    print(f"{name:>9}", value)

# Another size: nothing is compiled again.
print(program(x=np.float32([0.5]))["slope"], "and by hand", np.exp(-0.5) * (np.cos(0.5) - np.sin(0.5)))

# Every backward node knows where it comes from.
print(tt.explain(slope))
