"""Models that we write, checked by the standard's checker and run by ONNX Runtime beside the oracle."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime

import tinytorch as tt

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


def session_of(model):
    """ONNX Runtime's session of a model that the standard's checker has found valid."""
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def run(model, arrays):
    """What ONNX Runtime makes of arrays, by the names of inputs."""
    session = session_of(model)
    found = session.run(None, arrays)
    return dict(zip((item.name for item in session.get_outputs()), found, strict=True))


def assert_close(found, wanted, tolerance, what=""):
    """Equal but for roundings, relative to the largest finite element."""
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape), what
    if wanted.dtype.kind != "f":
        np.testing.assert_array_equal(found, wanted, err_msg=what)
        return
    scale = np.max(np.abs(wanted), initial=1.0, where=np.isfinite(wanted))
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * scale, err_msg=what)


def assert_same(inputs, outputs, arrays, *, names=None, tolerance=TOLERANCE["float32"], **settings):
    """Tensors exported and run by ONNX Runtime give what the oracle gives. Returns the model."""
    model = tt.onnx.to_model(inputs=inputs, outputs=outputs, **settings)
    found = run(model, {item.name: array for item, array in zip(inputs, arrays, strict=True)})
    with np.errstate(all="ignore"):
        wanted = tt.compile(inputs, list(outputs), passes=(), backend="reference")(*arrays)
    titles = names or [item.name for item in model.graph.output]
    for mine, theirs, title in zip(wanted, found.values(), titles, strict=True):
        assert_close(theirs, mine, tolerance, title)
    return model


def operators_of(model):
    """The operators of a model's nodes, in order."""
    return [node.op_type for node in model.graph.node]
