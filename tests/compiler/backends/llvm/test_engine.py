"""The engine: IR to object code to addresses, with errors that say what LLVM said."""

import ctypes
import math

import pytest

pytest.importorskip("llvmlite")

from compiler.backends.llvm.jit import engine
from compiler.backends.llvm.jit.building import Builder
from compiler.backends.llvm.jit.kinds import f64
from compiler.backends.llvm.jit.modules import Module
from compiler.errors import BackendError

HALF_SINE = """
declare double @sin(double)
define double @half_sine(double %x) nounwind {
  %y = call double @sin(double %x)
  %z = fmul double %y, 0.5
  ret double %z
}
"""

UNARY = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)


def test_text_is_compiled_and_finds_libm_in_the_process():
    library = engine.load(HALF_SINE, ["half_sine"])
    assert UNARY(library["half_sine"])(1.0) == 0.5 * math.sin(1.0)


def test_a_built_module_is_compiled():
    module = Module("twice")
    function = module.function("twice", f64, [f64])
    builder = Builder(function)
    builder.ret(builder.fadd(function.args[0], function.args[0]))
    library = engine.load(module, ["twice"])
    assert UNARY(library["twice"])(1.25) == 2.5


def test_an_import_is_called_by_its_address():
    callback = UNARY(lambda x: x + 3.0)
    address = ctypes.cast(callback, ctypes.c_void_p).value
    text = HALF_SINE.replace("@sin", "@given")
    library = engine.load(text, ["half_sine"], {"given": address})
    assert UNARY(library["half_sine"])(1.0) == 2.0


def test_one_object_loads_many_times():
    code = engine.compile_object(HALF_SINE, engine.host_target())
    libraries = [engine.Library(code, ["half_sine"]) for _ in range(5)]
    assert len({library["half_sine"] for library in libraries}) == 5
    assert {UNARY(library["half_sine"])(2.0) for library in libraries} == {0.5 * math.sin(2.0)}


def test_object_code_is_the_same_each_time():
    target = engine.host_target()
    assert engine.compile_object(HALF_SINE, target) == engine.compile_object(HALF_SINE, target)


def test_no_contraction_happens_unasked():
    text = """
    define double @f(double %a, double %b, double %c) nounwind {
      %m = fmul double %a, %b
      %s = fadd double %m, %c
      ret double %s
    }"""
    assert "fmadd" not in engine.assembly(text, engine.host_target())


@pytest.mark.parametrize("text", ["define", "define double @f() {\n ret i32 0\n}"])
def test_bad_ir_is_refused_with_the_words_of_llvm(text: str):
    with pytest.raises(BackendError, match="LLVM refuses the module"):
        engine.compile_object(text, engine.host_target())


def test_a_missing_symbol_is_an_error_and_not_a_crash():
    code = engine.compile_object(HALF_SINE, engine.host_target())
    with pytest.raises(BackendError, match="does not load"):
        engine.Library(code, ["absent"])


def test_bytes_that_are_no_object_are_refused():
    with pytest.raises(BackendError, match="does not load"):
        engine.Library(b"not an object", ["f"])


def target(triple: str, features: str) -> engine.Target:
    return engine.Target(triple, "generic", features)


@pytest.mark.parametrize(
    ("triple", "features", "vector_bytes", "registers", "fma", "masked"),
    [
        ("x86_64-unknown-linux-gnu", "+sse2", 16, 16, False, False),
        ("x86_64-unknown-linux-gnu", "+avx2,+fma,-avx512f", 32, 16, True, True),
        ("x86_64-unknown-linux-gnu", "+avx2,+avx512f,+avx512vl,+fma", 64, 32, True, True),
        ("aarch64-unknown-linux-gnu", "+neon", 16, 32, True, False),
        ("arm64-apple-darwin", "+neon", 16, 32, True, False),
    ],
)
def test_what_the_emitters_ask_of_a_target(triple, features, vector_bytes, registers, fma, masked):
    machine = target(triple, features)
    assert machine.vector_bytes == vector_bytes
    assert machine.vector_registers == registers
    assert (machine.has_fma, machine.has_masked_memory) == (fma, masked)


def test_ir_names_the_layout_it_is_compiled_for():
    text = engine.complete(HALF_SINE, engine.host_target())
    assert 'target datalayout = "e-' in text
    assert engine.complete(text, engine.host_target()) == text
