"""Models of one node, run by us and by ONNX Runtime."""

import numpy as np
import onnx
import onnxruntime

import tinytorch as tt


def node_model(op, inputs, *, weights=(), outputs=1, opset=17, domain="", batch=False, **attributes):
    """A node whose inputs are arrays, None where absent; those of `weights` (positions) are initialisers.

    With `batch` the first axis of the inputs is symbolic.
    """
    names = [f"x{k}" if item is not None else "" for k, item in enumerate(inputs)]
    results = [f"y{k}" for k in range(outputs)] if isinstance(outputs, int) else outputs
    node = onnx.helper.make_node(op, names, results, name="the_node", domain=domain, **attributes)
    given = {name: np.asarray(item) for name, item in zip(names, inputs, strict=True) if name}
    kept = {f"x{k}" for k in weights}
    graph = onnx.helper.make_graph(
        [node],
        "one",
        [_info(name, item, batch) for name, item in given.items() if name not in kept],
        [onnx.helper.make_value_info(name, onnx.TypeProto()) for name in results if name],
        [onnx.numpy_helper.from_array(given[name], name) for name in given if name in kept],
    )
    imports = [onnx.helper.make_opsetid(domain, opset)]
    model = onnx.helper.make_model(graph, opset_imports=imports, ir_version=9)
    return onnx.shape_inference.infer_shapes(model), {n: v for n, v in given.items() if n not in kept}


def _info(name, item, batch):
    shape = ["batch", *item.shape[1:]] if batch and item.ndim else item.shape
    return onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(item.dtype), shape)


def ours(model, feeds, **settings):
    """What a model makes of arrays here, as a list."""
    found = tt.onnx.load(model, **settings).compile()(*feeds.values())
    return list(found) if isinstance(found, tuple) else [found]


def theirs(model, feeds):
    """The same by ONNX Runtime, without its optimisations."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, feeds)


def normal(*shape, seed=0, dtype=np.float32):
    """Numbers of a normal distribution."""
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(dtype)
