"""What has to hold of any bytes: they are a model, or a typed error says why they are none."""

import warnings

import numpy as np

import tinytorch as tt
from compiler.errors import ExternalError, UserError
from tests.tinytorch.onnx.fuzzing.mutating import mutated_bytes, mutated_model


def made(models, seed):
    """The bytes that a seed makes of some models: of one, changed as bytes or as a message."""
    generator = np.random.default_rng(seed)

    def choose(count):
        return int(generator.integers(count))

    content = models[sorted(models)[choose(len(models))]]
    change = mutated_bytes if choose(6) == 0 else mutated_model
    return change(content, choose)


def check(content):
    """How a model fared: `loaded`, or the name of a typed error. Raises whatever else is raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tt.onnx.load(content)
        except (UserError, ExternalError) as error:
            return type(error).__name__
        return "loaded"
