"""From a first network to a report, in cells: a script, a notebook, and the tutorial of the documentation.

`python examples/docs/building/percent.py examples/00_tutorial.py tutorial.ipynb` makes the notebook.
"""

# %% [markdown]
# You will build a network that tells handwritten digits apart, train it, and then do what other frameworks do
# not let you do: look at everything that was decided on the way. Each block of code is followed by what it
# shows. The same text is a script (`examples/00_tutorial.py`) and a notebook.
#
# ## A graph, not a calculation
#
# Nothing is computed while you build. A tensor is a handle on one node of a graph; its shape may have
# symbolic dimensions, which are strings.

# %%
import numpy as np

import tinytorch as tt
from tinytorch.data import load_digits

x = tt.input("x", shape=("batch", 64))
y = tt.sigmoid(x).sum(axis=1)
y

# %% [markdown]
# `tt.compile` makes a program of it: inputs first, then what is to be computed. One program serves every
# batch.

# %%
program = tt.compile([x], y)
print(program(np.zeros((2, 64), np.float32)), program(np.zeros((3, 64), np.float32)))

# %% [markdown]
# ## A network and its loss
#
# Layers are functions of tensors that have parameters. Labels are class indices.

# %%
labels = tt.input("labels", shape=("batch",), dtype="int64")
network = tt.nn.Sequential(tt.nn.Dense(64, 32), tt.nn.GELU(), tt.nn.Dense(32, 10), seed=0)
logits = network(x).named("logits")
loss = tt.losses.cross_entropy(logits, labels).named("loss")
loss

# %% [markdown]
# ## Gradients are more graph
#
# `tt.grad` returns tensors. Each is explained: its formula, the line of yours that it belongs to, and the
# derivation of the rule from the formula of what it is the gradient of.

# %%
slope = tt.grad(loss, logits)
tt.explain(slope)

# %% [markdown]
# An optimiser is a function from gradients to updates: new values for parameters, which a call writes all at
# once when everything else is done.

# %%
optimiser = tt.optim.Adam(network.parameters(), lr=5e-3)
step = tt.compile([x, labels], loss, updates=optimiser.updates(loss))
step

# %% [markdown]
# That is a whole training step: forward left, backward right, each gradient at the height of what it is the
# gradient of. *Reading the pictures* tells what every mark means.
#
# ## Training
#
# The data are 1,797 images of 8 by 8 pixels that come with tinytorch.

# %%
images, targets = load_digits()
order = np.random.default_rng(0).permutation(len(images))
test, train = order[:360], order[360:]
for epoch in range(8):
    losses = [step(images[part], targets[part]) for part in np.array_split(train, 23)]
    print(f"epoch {epoch}: loss {np.mean(losses):.3f}")

# %%
predict = tt.compile([x], tt.argmax(logits, axis=1))
print(f"{np.mean(predict(images[test]) == targets[test]):.1%} of {len(test)} digits that it has never seen")

# %% [markdown]
# ## What was done to it
#
# Passes rewrite the graph, fuse what can be computed together, and decide what is written over what. The
# history has a record for each.

# %%
step.history

# %% [markdown]
# What runs in the end are kernels. Each box is one loop nest; what passes between its members never reaches
# memory.

# %%
step.schedule

# %% [markdown]
# ## Why?
#
# Ask about any value, by the tensor, or by its name or number in any text or picture.

# %%
step.why(logits)

# %% [markdown]
# ## Memory and cost, before anything runs
#
# Every size is a polynomial in the batch. So what a batch of 64 takes is known beforehand, and so is the
# largest batch that fits.

# %%
step.memory.at(batch=64)

# %%
print(step.max_batch("256 MB"), "samples fit into 256 MB")
step.cost

# %% [markdown]
# ## Time
#
# A profile runs a copy: your parameters stay as they are.

# %%
data = images[:64], targets[:64]
step.profile(*data, seconds=0.2)

# %% [markdown]
# The same graph unfused, fused, and fused in place, in turn:

# %%
tt.compare([x, labels], loss, data=data, rounds=3, seconds=0.05)

# %% [markdown]
# ## What may go wrong
#
# `tt.lint` looks before anything runs. An input may promise where it lies:

# %%
wide = tt.input("wide", shape=("n",), low=-100, high=100)
tt.lint(tt.compile([wide], tt.exp(wide)))

# %% [markdown]
# ## Everything on one page
#
# A report is one file for any browser, without a network: a slider over the passes, every node with its
# formula and reasons, memory for any batch, times, code.

# %%
step.report("report.html", data=data, seconds=0.2)
