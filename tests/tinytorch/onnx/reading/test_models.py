"""What is no model, or breaks a law of the standard, is refused by name before anything is made of it."""

import io
import itertools

import onnx
import pytest
from onnx import AttributeProto, TensorProto, helper

import tinytorch as tt
from tests.tinytorch.onnx.models import parsed
from tinytorch.onnx.reading import limits, wire
from tinytorch.onnx.reading.files import read_model

NETWORK = "network (float[2] x) => (float[2] y) <float[2] w = {1, 2}> { h = Add(x, w) \n y = Relu(h) }"


def network():
    return parsed(NETWORK)


def node(kind, inputs, outputs, **attributes):
    return helper.make_node(kind, inputs, outputs, **attributes)


def refused(model, message):
    with pytest.raises(tt.ModelError, match=message):
        read_model(model)


def test_a_model_is_read_from_a_path_bytes_a_file_and_a_message(tmp_path):
    model = network()
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    opened = io.BytesIO(path.read_bytes())
    for source in (path, str(path), path.read_bytes(), bytearray(path.read_bytes()), opened, model):
        assert read_model(source).proto == model
    assert read_model(path)[1:] == ("net.onnx", tmp_path)
    assert read_model(model).folder is None


@pytest.mark.parametrize("source", [7, None, io.StringIO("x"), "absent.onnx", ".", "x\0y", "x" * 5000])
def test_what_is_no_source_is_an_argument_error(source):
    with pytest.raises(tt.ArgumentError):
        read_model(source)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no graph"),
        (b"PK\x03\x04...", "a zip archive, as PyTorch writes"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b"\x80\x02}q\x00.", "a pickle"),
        (b"a text", "damaged"),
        (b"\x3a\xff\xff\xff\xff\x0f", "claims 4294967295 bytes, and 0 are left"),
        (b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x0f", "too many digits"),
        (b"\x3a\x03\x12\x01\xff", "the name of a GraphProto is no UTF-8"),
        (b"\x3b", "of a form that"),
    ],
)
def test_what_is_no_model_is_said_to_be_none(content, message):
    refused(content, message)


def test_every_truncation_is_refused():
    content = network().SerializeToString()
    read_model(content)
    for length in range(len(content) - 1):
        try:
            read_model(content[:length])
        except tt.ModelError:
            continue
        # What follows the graph is the opset, without which no node means anything.
        raise AssertionError(f"{length} bytes of {len(content)} were read as a model")


def nested(depth):
    """A graph inside a graph inside ..., as bytes: an If in whose branch an If stands."""
    content = b""
    for _ in range(depth):
        for field in (6, 5, 1):  # the graph of an attribute, of a node, of a graph
            content = bytes([field << 3 | 2]) + onnx_varint(len(content)) + content
    return b"\x08\x0a\x3a" + onnx_varint(len(content)) + content


def onnx_varint(number):
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


def test_what_would_fill_the_memory_is_refused_unread(monkeypatch):
    refused(nested(10_000), "messages inside each other")
    monkeypatch.setattr(wire, "MOST_MESSAGES", 1000)
    many = b"\x0a\x00" * 1000  # two bytes each, and a hundred when parsed
    refused(b"\x3a" + onnx_varint(len(many)) + many, "more than 1000 parts")


def test_a_message_is_checked_as_a_file_is():
    model = network()
    graph = model.graph
    for _ in range(40):
        item = graph.node.add(op_type="If")
        attribute = item.attribute.add(name="then_branch", type=AttributeProto.GRAPH)
        graph = attribute.g
    refused(model, "inside each other")


def test_versions_and_opsets_are_known():
    model = network()
    model.ir_version = onnx.IR_VERSION + 1
    refused(model, f"version {onnx.IR_VERSION + 1} of the format.*\n.*pip install --upgrade onnx")
    model = network()
    model.opset_import[0].version = 999
    refused(model, "opset 999 of the domain ''")
    model.opset_import[0].version = 0
    refused(model, "opset 0 of the domain ''")
    model = network()
    model.opset_import.append(helper.make_opsetid("ai.onnx", 20))
    refused(model, "names the opset of the domain '' twice")
    model = network()
    model.graph.node[1].domain = "com.example"
    refused(model, r"\(com.example.Relu, of 'y'\) is of the domain 'com.example', whose opset")


def test_names_are_defined_once_and_before_they_are_used():
    model = network()
    model.graph.node[0].name = "first"
    model.graph.node[0].input[1] = "../../etc/passwd"
    refused(model, r"node 'first' \(Add\) takes '../../etc/passwd', which no input")
    model = network()
    model.graph.node[0].input[1] = "y"
    refused(model, r"node 0 .* takes 'y', which node 1 .* makes only later")
    model = network()
    model.graph.node.append(node("Relu", ["x"], ["h"]))
    refused(model, r"node 2 \(Relu, of 'h'\) makes 'h', which is defined already")
    model = network()
    model.graph.initializer.append(model.graph.initializer[0])
    refused(model, "two of the initialiser 'w'")
    model = network()
    model.graph.output[0].name = "nothing"
    refused(model, "the output 'nothing' is made by no node")
    model = network()
    model.graph.node[0].output[0] = "n" * (limits.LONGEST_NAME + 1)
    refused(model, f"a name of {limits.LONGEST_NAME + 1} characters")
    model = network()
    model.graph.input[0].ClearField("type")
    refused(model, "the input 'x' has no type")
    model.graph.input[0].type.tensor_type.elem_type = 0
    refused(model, "the input 'x' is of undefined, which no tensor can be")
    model = network()
    model.graph.node[0].op_type = ""
    refused(model, r"node 0 \(of no operator, of 'h'\) says no operator")


def test_a_subgraph_sees_what_is_around_it_and_before_it():
    inner = "then (float[2] i) => (float[2] o) { o = Add(NAME, NAME) }"
    model = parsed(
        "network (bool c, float[2] x) => (float[2] y) { a = Relu(x) \n y = Relu(a) \n b = Relu(y) }"
    )
    for name, seen in (("x", True), ("a", True), ("b", False), ("y", False), ("z", False)):
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        graph = onnx.parser.parse_graph(inner.replace("NAME", name))
        del graph.input[:]
        copy.graph.node[1].attribute.append(helper.make_attribute("then_branch", graph))
        if seen:
            read_model(copy)
        else:
            refused(
                copy, rf"node 0 \(Add, of 'o'\) in the attribute 'then_branch' of node 1 .* takes '{name}'"
            )


def test_attributes_are_of_one_type_each():
    def changed(**fields):
        model = network()
        model.graph.node[0].name = "first"
        model.graph.node[0].attribute.append(AttributeProto(name="a", **fields))
        return model

    read_model(changed(type=AttributeProto.INT))  # writers of the third protobuf leave out a nought
    refused(changed(i=3), r"the attribute 'a' of node 'first' \(Add\) says no type")
    refused(changed(type=AttributeProto.INT, f=1.0), "is a INT, and holds f")
    refused(changed(type=AttributeProto.GRAPH), "is a GRAPH, and holds nothing")
    refused(changed(type=AttributeProto.INT, ref_attr_name="b"), "refers to the attribute 'b' of a function")
    wrong = TensorProto(data_type=1, dims=[3], float_data=[1.0])
    refused(changed(type=AttributeProto.TENSOR, t=wrong), "attribute 'a' of node 'first' .* 3 entries")
    model = changed(type=AttributeProto.INT)
    model.graph.node[0].attribute.append(model.graph.node[0].attribute[0])
    refused(model, "has the attribute 'a' twice")


def with_functions(bodies):
    """A model that calls the first of some functions, each given by the names of those that it calls."""
    model = network()
    model.opset_import.append(helper.make_opsetid("own", 1))
    for name, callees in bodies.items():
        steps = [node("Relu", ["i"], ["v0"])]
        steps += [node(item, [f"v{n}"], [f"v{n + 1}"], domain="own") for n, item in enumerate(callees)]
        model.functions.append(
            helper.make_function("own", name, ["i"], [f"v{len(callees)}"], steps, model.opset_import)
        )
    model.graph.node.append(node(next(iter(bodies)), ["x"], ["called"], domain="own"))
    return model


def test_functions_call_no_one_that_calls_them():
    read_model(with_functions({"f": ["g", "g"], "g": []}))
    refused(with_functions({"f": ["f"]}), "function 'own.f' calls itself")
    refused(with_functions({"f": ["g"], "g": ["h"], "h": ["g"]}), "function 'own.g' calls itself")
    model = with_functions({"f": []})
    model.functions.append(model.functions[0])
    refused(model, "function 'own.f' is defined twice")


def test_functions_that_double_are_refused_unwritten():
    names = [f"f{n}" for n in range(300)]
    bodies = {name: [after, after] for name, after in itertools.pairwise(names)} | {names[-1]: []}
    refused(with_functions(bodies), "nodes when functions are written out; at most 250000")


def test_a_function_refers_to_its_own_attributes():
    for known in (["alpha"], []):
        model = with_functions({"f": []})
        model.functions[0].attribute[:] = known
        reference = AttributeProto(name="alpha", type=AttributeProto.FLOAT, ref_attr_name="alpha")
        model.functions[0].node[0].attribute.append(reference)
        if known:
            read_model(model)
        else:
            refused(
                model, r"node 0 \(Relu, of 'v0'\) in the function 'own.f' refers to the attribute 'alpha'"
            )
