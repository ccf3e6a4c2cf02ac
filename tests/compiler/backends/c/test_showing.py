"""Kernels shown in C: the user's names, lines and equations, and a file that compiles."""

import re

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import tinytorch as tt
from compiler.backends.c.compiling import find_compiler
from compiler.backends.c.naming import Names
from compiler.backends.languages import LANGUAGES
from compiler.backends.llvm.jit.engine import host_target
from tests.backends import HAS_C, NATIVE
from tinytorch.testing.programs import PROGRAMS


def layer(backend="llvm"):
    x = tt.input("x", ("batch", 300))
    w = tt.parameter(np.ones((300, 4), np.float32), "w")
    h = (x @ w + tt.parameter(np.ones(4, np.float32), "b")).named("h")
    return tt.compile([x], [tt.tanh(h).named("y"), h], backend=backend)


def test_it_has_the_names_lines_and_equations_of_the_user():
    text = layer().source(0, language="c")
    for part in (
        "// kernel 0: %h : f32[batch,4], %y : f32[batch,4]\n",
        "= sum[k:300] %x[i,k] * %w[k,j] : f32[batch,4], test_showing.py:",
        "//     %y = tanh(%h) : f32[batch,4], test_showing.py:",
        "void kernel0(const i64 *numbers, i64 chunk) {\n",
        "    i64 batch = numbers[",
        "    f32 *x = (f32 *)numbers[5];  // input %x\n",
        "    f32 *w = (f32 *)numbers[7];  // parameter %w\n",
        "  // %h = add(",
        "TILE void tile_f32_",
        " = {0};",
    ):
        assert part in text, part
    assert text.startswith("#define VECTOR_BYTES")


@pytest.mark.parametrize("backend", NATIVE)
def test_both_native_backends_show_both_languages(backend):
    program = layer(backend)
    assert [program.source(0, language=name) for name in LANGUAGES] == [
        layer().source(0, language=name).replace("llvm", backend) for name in LANGUAGES
    ]
    assert program.source(0) == program.source(0, language="loops")


def test_a_language_that_is_not_there():
    with pytest.raises(tt.ArgumentError, match=r"in 'rust'\n  fix: give one of 'loops', 'c' as language"):
        layer().source(0, language="rust")


def test_it_needs_no_compiler(monkeypatch):
    monkeypatch.setattr("subprocess.run", None)
    assert "kernel0" in layer().source(language="c")


@pytest.mark.skipif(not HAS_C, reason="there is no C compiler")
@pytest.mark.parametrize("name", PROGRAMS)
def test_whole_calls_are_files_that_compile(name):
    item = PROGRAMS[name]()
    program = tt.compile(item.inputs, item.outputs, updates=item.updates, backend="llvm")
    text = program.source(language="c")
    assert find_compiler().compile(text, host_target().features)
    kernels = re.findall(r"^void (\w+)\(", text, re.MULTILINE)
    assert len(set(kernels)) == len(kernels) > 0


def test_views_are_comments():
    x = tt.input("x", ("n", 6))
    lines = tt.compile([x], tt.transpose(x), backend="llvm").source(language="c").splitlines()
    assert any(line.startswith("// ") and "is a view, and nothing is to be done" in line for line in lines)
    assert not any(line.startswith("%") for line in lines)


def test_names_are_those_of_c():
    names = Names()
    given = ("%dense1.weight", "%3", "%for", "%MASKED", "%f32x16", "%x", "x")
    wanted = ["dense1_weight", "v3", "for_", "MASKED_", "f32x16_", "x", "x_2"]
    assert [names.user(name) for name in given] == wanted
    names.open()
    assert names.fresh("t") == "t0"
    names.close()
    assert names.fresh("t") == "t0"
    assert names.fresh("") == "i"


def test_a_new_name_is_found_without_trying_those_before(monkeypatch):
    tried = []
    take = Names._take
    monkeypatch.setattr(Names, "_take", lambda names, name: tried.append(name) or take(names, name))
    names = Names()
    for _ in range(2):
        names.open()
        assert [names.fresh("t") for _ in range(500)] == [f"t{k}" for k in range(500)]
        names.close()
    assert len(tried) == 1000
