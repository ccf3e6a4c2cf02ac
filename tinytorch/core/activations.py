"""The course's activations and its profiler of them, from one place as the course has them."""

from tinytorch.core.activation import Activation
from tinytorch.core.kinds import (
    ACTIVATIONS,
    ELU,
    GELU,
    SELU,
    Hardsigmoid,
    Hardswish,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Softsign,
    Swish,
    Tanh,
)
from tinytorch.core.profiler import ActivationProfiler, benchmark_activation_suite

__all__ = [
    "Activation", "ACTIVATIONS", "ReLU", "LeakyReLU", "ELU", "SELU", "GELU", "SiLU", "Swish", "Mish",
    "Sigmoid", "LogSigmoid", "Tanh", "Softplus", "Softsign", "Hardsigmoid", "Hardswish", "Softmax",
    "LogSoftmax",
    "ActivationProfiler", "benchmark_activation_suite",
]  # fmt: skip
