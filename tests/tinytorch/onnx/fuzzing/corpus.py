"""Valid models that are mutated: small ones of every kind, and, for long runs, the standard's own tests."""

import numpy as np
from onnx import helper, numpy_helper
from onnx.backend.test.loader import load_model_tests

from tests.tinytorch.onnx.models import parsed

TEXTS = {
    "network": """
network (float[batch, 4] x) => (float[batch, 3] y, float[n, m] z)
<float[4, 2] w, float[3, 2] v, float[3] b = {1, 2, 3}> {
    h = MatMul(x, w)
    r = Relu(h)
    y = Gemm<transB = 1, alpha = 0.5>(r, v, b)
    extents = Shape(y)
    first = Constant<value_int = 0>()
    rows = Gather(extents, first)
    at = Constant<value_ints = [0]>()
    alone = Unsqueeze(rows, at)
    rest = Constant<value_ints = [-1]>()
    wanted = Concat<axis = 0>(alone, rest)
    z = Reshape(y, wanted)
}""",
    "images": """
network (float[n, 2, 8, 8] x) => (float[n, 12] y)
<float[3, 2, 3, 3] w, float[3] s, float[3] b, float[3] m, float[3] v> {
    c = Conv<kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2]>(x, w)
    d = BatchNormalization<epsilon = 0.001>(c, s, b, m, v)
    e = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(d)
    f = Clip(e)
    g = Pad<mode = "constant">(f, pads)
    y = Flatten<axis = 1>(e)
    pads = Constant<value_ints = [0, 0, 1, 1, 0, 0, 1, 1]>()
}""",
    "branches": """
network (float[4] x) => (float[4] y, float[4] l) <bool c = {1}, int64 trips = {3}> {
    y = If(c) <
        then_branch = then_graph () => (t) { t = Relu(x) },
        else_branch = else_graph () => (e) { e = Neg(x) }
    >
    l = Loop(trips, c, x) <body = body (int64 i, bool go, float[4] a) => (bool more, float[4] o) {
        more = Identity(go)
        o = Add(a, x)
    }>
}""",
    "shapes": """
network (float[a, b, 6] x) => (float[c, d] y, int64[e] i) {
    s = Shape(x)
    zero = Constant<value_ints = [0]>()
    two = Constant<value_ints = [2]>()
    part = Slice(s, zero, two)
    total = ReduceProd<keepdims = 1>(part)
    six = Constant<value_ints = [6]>()
    both = Concat<axis = 0>(total, six)
    y = Reshape(x, both)
    one = Constant<value_float = 1.0>()
    wide = Expand(one, s)
    filled = ConstantOfShape<value = int64[1] {3}>(s)
    start = Constant<value_int = 0>()
    stop = Constant<value_int = 5>()
    step = Constant<value_int = 1>()
    i = Range(start, stop, step)
}""",
    "sequences": """
network (float[4, 2] x) => (float[4, 2] y) {
    parts = SplitToSequence<axis = 0>(x)
    first = Constant<value_int = 1>()
    one = SequenceAt(parts, first)
    y = ConcatFromSequence<axis = 0>(parts)
}""",
    "whole numbers": """
network (uint8[3, 4] x) => (float[3, 5] y, int32[3, 5] n)
<int8[4, 5] w, float scale = {0.1}, uint8 zero = {3}, int8 zero_w = {0}> {
    n = MatMulInteger(x, w, zero, zero_w)
    f = Cast<to = 1>(n)
    y = Mul(f, scale)
}""",
    "recurrent": """
network (float[5, n, 3] x) => (float[5, 1, n, 4] y, float[1, n, 4] h) <float[1, 16, 3] w, float[1, 16, 4] r> {
    y, h = LSTM<hidden_size = 4>(x, w, r)
}""",
}


def small():
    """Names and bytes of the small models: constants stand first, and values that nothing makes have one."""
    return {name: made.SerializeToString() for name, made in _made().items()}


def _made():
    generator = np.random.default_rng(0)
    found = {"functions": _functions()}
    for name, text in TEXTS.items():
        model = parsed(text, opset=20)
        nodes = sorted(model.graph.node, key=lambda node: node.op_type != "Constant")
        del model.graph.node[:]
        model.graph.node.extend(nodes)
        for item in model.graph.value_info:
            kind = item.type.tensor_type
            shape = [dim.dim_value for dim in kind.shape.dim]
            array = generator.integers(-4, 4, shape).astype(helper.tensor_dtype_to_np_dtype(kind.elem_type))
            model.graph.initializer.append(numpy_helper.from_array(array, item.name))
        del model.graph.value_info[:]
        found[name] = model
    return found


def _functions():
    model = parsed(
        "network (float[4] x) => (float[4] y) { h = Relu(x) \n y = own.twice<factor = 2.0>(h) }", opset=20
    )
    model.opset_import.append(helper.make_opsetid("own", 1))
    scale = helper.make_node("Constant", [], ["s"])
    scale.attribute.add(name="value_float", ref_attr_name="factor", type=1)
    nodes = [scale, helper.make_node("Mul", ["i", "s"], ["o"])]
    model.functions.append(
        helper.make_function("own", "twice", ["i"], ["o"], nodes, [helper.make_opsetid("", 20)], ["factor"])
    )
    return model


def standard():
    """The models of the standard's own tests of nodes: some 1800, of every operator."""
    cases = load_model_tests(kind="node")
    return {case.name: case.model.SerializeToString() for case in cases if case.model is not None}
