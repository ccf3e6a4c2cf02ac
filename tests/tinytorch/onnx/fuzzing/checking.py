"""What has to hold of any bytes: they are a model, or a typed error says why they are none."""

import warnings

import numpy as np

import tinytorch as tt
from compiler.errors import ExternalError, UserError
from compiler.ir.dims import evaluate, symbols
from tests.tinytorch.onnx.fuzzing.mutating import mutated_bytes, mutated_meaning, mutated_model

CHANGES = [mutated_bytes, mutated_model, mutated_model, mutated_meaning, mutated_meaning]


def made(models, seed):
    """The bytes that a seed makes of some models: of one, changed as bytes or as a message."""
    generator = np.random.default_rng(seed)

    def choose(count):
        return int(generator.integers(count))

    content = models[sorted(models)[choose(len(models))]]
    return CHANGES[choose(len(CHANGES))](content, choose)


LARGEST = 2**20
"""Elements of the inputs of a model that is run."""


def check(content, is_run=False):
    """How a model fared: `loaded`, or the name of a typed error. Raises whatever else is raised.

    With `is_run` it is compiled and called, too, if its inputs are small.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = tt.onnx.load(content)
            if is_run:
                _run(model)
        except (UserError, ExternalError) as error:
            return type(error).__name__
        return "loaded"


def _run(model):
    sizes = {name: 2 for item in model.inputs for extent in item.shape for name in symbols(extent)}
    shapes = [[evaluate(extent, sizes) for extent in item.shape] for item in model.inputs]
    if sum(np.prod(shape, dtype=float) for shape in shapes) > LARGEST:
        return
    program = model.compile()
    if program.memory.fits("256 MB", **sizes):
        arrays = [np.ones(shape, item.dtype) for item, shape in zip(model.inputs, shapes, strict=True)]
        program(*arrays)
