"""Layers, and what networks are made of."""

from typing import TYPE_CHECKING

from tinytorch.guards import guard, missing_from
from tinytorch.nn.activations import (
    ELU,
    GELU,
    SELU,
    Activation,
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
    Tanh,
)
from tinytorch.nn.dense import Dense
from tinytorch.nn.flatten import Flatten
from tinytorch.nn.initialisers import INITIALISERS
from tinytorch.nn.layer_norm import LayerNorm
from tinytorch.nn.module import Module
from tinytorch.nn.sequential import Sequential

__all__ = [
    "Module", "Sequential", "Dense", "LayerNorm", "Flatten", "Activation", "ReLU", "LeakyReLU", "ELU", "SELU",
    "GELU", "SiLU", "Mish", "Sigmoid", "LogSigmoid", "Tanh", "Softplus", "Softsign", "Hardsigmoid",
    "Hardswish", "Softmax", "LogSoftmax", "INITIALISERS",
]  # fmt: skip
guard(__name__)

if not TYPE_CHECKING:
    __getattr__ = missing_from(__name__)
