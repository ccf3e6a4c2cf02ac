"""Programs of files that were compiled before: the same bits, no graph unasked, no wrong hit."""

import copy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinytorch as tt
from compiler import restored, sources
from compiler.backends.llvm.backend import Llvm
from compiler.backends.llvm.jit import cache as caching
from compiler.backends.llvm.jit.cache import ObjectCache
from compiler.backends.llvm.run import program as running
from compiler.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError
from compiler.restored import Restored

onnx = pytest.importorskip("onnx")
pytestmark = pytest.mark.skipif(not Llvm().is_available, reason="programs are kept by the native backend")


@pytest.fixture
def cache(tmp_path, monkeypatch) -> ObjectCache:
    """An empty cache of programs; kernels are in the usual one."""
    found = ObjectCache(tmp_path / "objects")
    for room in (caching, running):
        monkeypatch.setattr(room, "default_cache", lambda: found)
    return found


def layers(batch=4, seed=0, *, label: bool = False) -> bytes:
    """Two layers, the second of them halved; with `label`, rows of a table instead."""
    draw = np.random.default_rng(seed).standard_normal
    tensors = {"w": draw((5, 6)), "b": draw(6), "v": draw((6, 3)), "half": np.array(0.5)}
    weights = [
        onnx.numpy_helper.from_array(value.astype(np.float32), name) for name, value in tensors.items()
    ]
    make = onnx.helper.make_node
    value = onnx.helper.make_tensor_value_info
    if label:
        nodes = [make("Gather", ["w", "x"], ["y"])]
        given, result = value("x", onnx.TensorProto.INT64, [batch]), [batch, 6]
    else:
        nodes = [
            make("Gemm", ["x", "w", "b"], ["h"]), make("Relu", ["h"], ["r"]),
            make("MatMul", ["r", "v"], ["p"]), make("Mul", ["p", "half"], ["y"]),
        ]  # fmt: skip
        given, result = value("x", onnx.TensorProto.FLOAT, [batch, 5]), [batch, 3]
    output = value("y", onnx.TensorProto.FLOAT, result)
    graph = onnx.helper.make_graph(nodes, "g", [given], [output], weights)
    imports = [onnx.helper.make_opsetid("", 17)]
    return onnx.helper.make_model(graph, opset_imports=imports, ir_version=8).SerializeToString()


def rows(count: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((count, 5), np.float32)


def compiled(content: bytes, *calls: np.ndarray) -> list[np.ndarray]:
    """What a program gives that was compiled here, and is kept for these calls."""
    program = tt.onnx.load(content).compile()
    assert not isinstance(program, Restored)
    return [program(given) for given in calls]


def found(content: bytes) -> Restored:
    program = tt.onnx.load(content).compile()
    assert isinstance(program, Restored)
    return program


def test_calls_have_the_same_bits_and_need_no_graph(cache):
    content = layers()
    (expected,) = compiled(content, rows(4))
    program = found(content)
    assert program(rows(4)).tobytes() == expected.tobytes()
    assert program(x=rows(4)).tobytes() == expected.tobytes()
    out = np.empty((4, 3), np.float32)
    assert program(rows(4), out=out) is out
    assert out.tobytes() == expected.tobytes()
    assert not program.is_whole
    assert program(rows(4).tolist()).tobytes() == expected.tobytes()  # a list is converted as anywhere
    assert program.is_whole


def test_an_open_batch_is_kept_for_the_sizes_of_calls(cache):
    content, sizes = layers("batch"), (1, 7, 64)
    expected = compiled(content, *map(rows, sizes))
    program = found(content)
    for size, result in zip(sizes, expected, strict=True):
        assert program(rows(size)).tobytes() == result.tobytes()
    assert not program.is_whole
    assert program(rows(9)).shape == (9, 3)  # nobody has bound that
    assert program.is_whole


def test_calls_of_a_program_that_is_whole_do_not_look_on_disk(cache, monkeypatch):
    content = layers("batch")
    compiled(content, rows(2))
    program = found(content)
    expected = [program(rows(size)).tobytes() for size in (2, 9)]
    monkeypatch.setattr(ObjectCache, "view", None)
    assert [program(rows(size)).tobytes() for size in (2, 9)] == expected


def what_passes_did(program: tt.Program) -> list[object]:
    """Without the time that each took."""
    return [(item["name"], item["done"], item["refused"]) for item in (i.to_dict() for i in program.history)]


def test_what_is_asked_for_is_what_was_compiled(cache):
    content = layers("batch")
    models: list[tt.onnx.Model] = []
    for _ in range(2):
        with tt.scope("around"):
            models.append(tt.onnx.load(content))
        if len(models) == 1:
            whole = models[0].compile()
            whole(rows(3))
    model, known = models
    program = known.compile()
    assert isinstance(program, Restored)
    for ask in (
        lambda it: str(it.source_graph), lambda it: str(it.schedule), lambda it: str(it.plan),
        what_passes_did, lambda it: it.source(), lambda it: str(it.cost), repr,
        lambda it: str(it.memory), lambda it: it.signature.names, lambda it: str(it.why("y")),
    ):  # fmt: skip
        assert ask(program) == ask(whole)
    assert program.profile(rows(2), seconds=0.01).kernels
    assert str(program.why(known.outputs[0])) == str(whole.why(model.outputs[0]))
    assert [key for key, _ in known.named_parameters()] == [key for key, _ in model.named_parameters()]
    assert program.is_whole


def test_errors_are_those_of_any_program(cache):
    content = layers()
    compiled(content, rows(4))
    program = found(content)
    for error, given in (
        (ShapeError, (rows(4)[0],)), (DTypeError, (rows(4).astype(complex),)), (ArgumentError, ()),
        (ShapeError, (rows(5),)),
    ):  # fmt: skip
        with pytest.raises(error):
            program(*given)
    content = layers(label=True)
    compiled(content, np.arange(4))
    program = found(content)
    with pytest.raises(IndexRangeError, match="9"):
        program(np.array([0, 1, 2, 9]))


def test_what_decides_about_a_program_is_in_its_key(cache, monkeypatch):
    content = layers()
    compiled(content, rows(4))
    compiled(layers(seed=1), rows(4))
    compiled(layers(5), rows(5))
    for options in ({"freeze": False}, {"passes": ()}, {"backend": "numpy"}, {"debug": "numbers"}):
        assert not isinstance(tt.onnx.load(content).compile(**options), Restored)
    content = layers("batch")
    compiled(content, rows(4))
    assert not isinstance(tt.onnx.load(content, dims={"batch": 4}).compile(), Restored)
    found(content)
    state = restored.sources_state
    monkeypatch.setattr(restored, "sources_state", lambda folder: f"{state(folder)}1")
    assert not isinstance(tt.onnx.load(content).compile(), Restored)


def test_sources_that_are_written_anew_have_another_state(tmp_path, monkeypatch):
    state = sources.sources_state.__wrapped__
    (tmp_path / "a.py").write_text("a = 1")
    assert state(tmp_path) is None  # this process may run what was there before
    monkeypatch.setattr(sources, "STARTED", 2 * sources.STARTED)
    first = state(tmp_path)
    assert first == state(tmp_path)
    (tmp_path / "a.py").unlink()
    (tmp_path / "a.py").write_text("a = 2")
    assert first != state(tmp_path)
    assert state(tmp_path / "nowhere") is None


def test_a_source_that_changes_while_a_program_is_made_keeps_it_out(cache, monkeypatch):
    model = tt.onnx.load(layers())
    monkeypatch.setattr(sources, "STARTED", 0.0)
    assert model.compile()(rows(4)).any()
    assert entries(cache) == []
    sources.sources_state.cache_clear()


def test_weights_that_may_have_changed_are_neither_kept_nor_found(cache):
    content = layers()
    model = tt.onnx.load(content)
    for tensor in model.parameters():
        tt.set_value(tensor, np.zeros(tensor.shape, np.float32))
    assert not model.compile()(rows(4)).any()
    (expected,) = compiled(content, rows(4))  # nothing was kept
    model = tt.onnx.load(content)
    program = model.compile()
    assert isinstance(program, Restored)
    for tensor in copy.deepcopy(model).parameters() + model.parameters():
        tt.set_value(tensor, np.zeros(tensor.shape, np.float32))
    assert not model.compile()(rows(4)).any()
    assert program(rows(4)).tobytes() == expected.tobytes()
    assert program(rows(4).tolist()).tobytes() == expected.tobytes()  # compiled of the weights of that time


def entries(cache: ObjectCache) -> list[Path]:
    return sorted(cache.directory.glob("*.object"), key=lambda path: path.stat().st_size)


@pytest.mark.parametrize("damage", ["flipped", "shortened", "emptied", "foreign", "another's"])
@pytest.mark.parametrize("which", [0, 1])
def test_what_is_damaged_is_not_there(cache, which, damage):
    content = layers()
    (expected,) = compiled(content, rows(4))
    path = entries(cache)[which]
    other = entries(cache)[1 - which]
    data = path.read_bytes()
    if damage in ("foreign", "another's"):
        taken = b"not ours" if damage == "foreign" else bytes(cache.view(other.stem) or b"")
        cache.put(path.stem, taken)
    else:
        middle = len(data) // 2
        flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        path.write_bytes({"flipped": flipped, "shortened": data[:middle], "emptied": b""}[damage])
    program = tt.onnx.load(content).compile()
    assert program(rows(4)).tobytes() == expected.tobytes()


def test_weights_in_other_files_are_not_known_by_the_model(cache, tmp_path):
    model = onnx.load_from_string(layers())
    onnx.save(model, tmp_path / "a.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    assert tt.onnx.load(tmp_path / "a.onnx").compile()(rows(4)).any()
    assert entries(cache) == []


def test_what_has_parameters_or_is_large_is_not_kept(cache, monkeypatch):
    monkeypatch.setattr("compiler.backends.llvm.run.kept.LARGEST_KEPT", 100)
    assert tt.onnx.load(layers()).compile()(rows(4)).any()
    x = tt.input("x", (4, 5))
    Restored.keep(tt.compile([x], x @ tt.parameter(np.ones((5, 2), np.float32))), "0" * 64)
    assert entries(cache) == []


START = """
import sys
import numpy as np, tinytorch as tt
model = tt.onnx.load(sys.argv[1])
program = model.compile()
program(np.ones((4, 5), np.float32))
rooms = ("onnx", "google", "sympy", "networkx", "tinytorch.onnx.importing.network",
         "tinytorch.onnx.operators", "compiler.backends.llvm.steps.lowering",
         "compiler.backends.llvm.run.program", "compiler.loops.nests")
print(type(program).__name__, *(room for room in rooms if room in sys.modules))
"""


def test_a_warm_start_loads_neither_the_library_nor_what_compiles(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(layers())
    command = [sys.executable, "-c", START, str(path)]
    environment = {"XDG_CACHE_HOME": str(tmp_path), "PATH": ""}
    texts = [
        subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.split()
        for _ in range(2)
    ]
    assert texts[0][0] == "Program"
    assert texts[1] == ["Restored"]


def test_a_model_without_native_code_is_read_as_ever(monkeypatch):
    monkeypatch.setattr(Llvm, "is_available", False)
    model = tt.onnx.load(layers())
    assert model.compile(backend="numpy")(rows(4)).any()
