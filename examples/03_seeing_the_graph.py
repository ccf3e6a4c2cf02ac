"""Seeing the graph: as text that reads back, and as a picture of forward, backward and updates."""

import tinytorch as tt

x = tt.input("x", shape=("batch", 2))
target = tt.input("target", shape=("batch", 1))
network = tt.nn.Sequential(tt.nn.Dense(2, 8, seed=0), tt.nn.Tanh(), tt.nn.Dense(8, 1, seed=1))
loss = tt.losses.mse(network(x), target)
step = tt.compile([x, target], loss, updates=tt.optim.SGD(network.parameters(), lr=0.1).updates(loss))

text = str(step.source_graph)
print(text)
assert str(tt.parse(text)) == text

try:
    print("drawn:", tt.draw(loss, "forward.svg"), step.draw("step.svg"))
except tt.DrawingError as error:
    print(error)
