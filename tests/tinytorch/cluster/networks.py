"""Runs for sweeps: small ones, and those that go wrong."""

import os
import signal

import tinytorch as tt


def make_run(width, seed, bias=True):
    """A network whose learning rate is an input, and whose decay is a parameter."""
    x, y, lr = tt.input("x", ("batch", 3)), tt.input("y", ("batch", 1)), tt.input("lr")
    network = tt.nn.Sequential(
        tt.nn.Dense(3, width, bias=bias), tt.nn.Tanh(), tt.nn.Dense(width, 1, bias=bias), seed=seed
    )
    decay = tt.parameter(0.0, "decay")
    loss = tt.losses.mse(network(x), y)
    updates = {
        weight: weight * (1 - decay) - lr * slope
        for weight, slope in zip(network.parameters(), tt.grad(loss, network.parameters()), strict=True)
    }
    return tt.cluster.Training([x, y, lr], {"loss": loss}, updates)


def compiled(width, seed):
    """The same, compiled by the user."""
    made = make_run(width, seed)
    step = tt.compile(made.inputs, made.metrics, updates=made.updates)
    return step, tt.compile(made.inputs[:2], made.metrics)


def faulty(fault, seed=0):
    """A run that goes wrong, or not."""
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "hang":
        os.kill(os.getpid(), signal.SIGSTOP)
    if fault == "raise":
        raise ValueError("no such network")
    if fault == "nothing":
        return None
    return make_run(2, seed)
