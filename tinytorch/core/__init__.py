"""The course's names, recorded and compiled: tensors, activations, variables, layers, training.

    from tinytorch.core.tensor import Tensor
    from tinytorch.core.activations import ReLU, Sigmoid, Softmax, Tanh
    from tinytorch.core.autograd import Variable, add, multiply
    from tinytorch.core.layers import Dense

One implementation: what is recorded here is a graph of `tt`, and runs as its programs do.
"""

from tinytorch.core.activations import ActivationProfiler, ReLU, Sigmoid, Softmax, Tanh
from tinytorch.core.autograd import Variable
from tinytorch.core.layers import Dense, Linear, Sequential
from tinytorch.core.tensor import Tensor

__all__ = [
    "Tensor", "Variable", "ReLU", "Sigmoid", "Tanh", "Softmax", "Dense", "Linear", "Sequential",
    "ActivationProfiler",
]  # fmt: skip
