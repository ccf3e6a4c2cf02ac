"""The backend: what it needs and says when that is missing, its cache, its machine code."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import tinytorch as tt
from compiler.backends.c import compiling
from compiler.backends.c.backend import ByC, C
from compiler.backends.c.compiling import Compiler, find_compiler
from compiler.backends.llvm.jit.cache import ObjectCache
from compiler.backends.llvm.jit.engine import Library, host_target
from compiler.backends.llvm.run.program import NativeProgram
from compiler.backends.llvm.steps import library
from compiler.errors import BackendError
from tests.backends import HAS_C


def line(name="x"):
    x = tt.input(name, ("n",))
    return [x], tt.tanh(x) * 3.0 + 1.0


@pytest.mark.skipif(not HAS_C, reason="there is no C compiler")
def test_there_is_a_compiler_where_all_is_tested():
    assert find_compiler().version


@pytest.mark.skipif(not HAS_C, reason="there is no C compiler")
def test_entry_and_threads_are_those_of_llvm():
    program = tt.compile(*line(), backend="c")
    assert isinstance(program._executable, NativeProgram)
    array = np.linspace(-3, 3, 100_000, dtype=np.float32)
    count, found = tt.get_num_threads(), []
    for threads in (1, 2):
        tt.set_num_threads(threads)
        found.append(program(array).tobytes())
    tt.set_num_threads(count)
    assert found[0] == found[1] == tt.compile(*line(), backend="llvm")(array).tobytes()


@pytest.mark.skipif(not HAS_C, reason="there is no C compiler")
def test_a_process_that_finds_the_object_calls_no_compiler(tmp_path, monkeypatch):
    plan = tt.compile(*line(), backend="c").plan
    cache, maker = ObjectCache(tmp_path / "objects"), ByC(find_compiler())
    monkeypatch.setattr(library, "_loaded", {})
    NativeProgram(plan, host_target(), cache, maker)
    assert (cache.hits, cache.misses) == (0, 1)
    monkeypatch.setattr(library, "_loaded", {})
    monkeypatch.setattr(compiling.subprocess, "run", None)
    NativeProgram(plan, host_target(), cache, maker)
    assert (cache.hits, cache.misses) == (1, 1)


@pytest.mark.skipif(not HAS_C, reason="there is no C compiler")
def test_another_compiler_has_other_objects():
    known = find_compiler()
    assert ByC(known).key != ByC(Compiler(known.path, "gcc 99")).key
    assert ByC(known).key.startswith(library.BY_LLVM.key)


@pytest.mark.skipif(not HAS_C, reason="there is no C compiler")
def test_machine_code_is_shown_and_llvm_ir_is_not():
    program = tt.compile(*line(), backend="c")
    assert "kernel_" in program.assembly(0)
    with pytest.raises(BackendError, match=r"makes no LLVM IR\n  fix: ask for source"):
        program.llvm_ir(0)


@pytest.mark.skipif(not HAS_C, reason="there is no C compiler")
def test_what_a_compiler_refuses_is_an_error_in_its_words():
    with pytest.raises(BackendError, match=r"refuses the kernels: .*error: expected"):
        find_compiler().compile("nonsense!", host_target().features)


@pytest.mark.skipif(not HAS_C, reason="there is no C compiler")
def test_objects_hold_no_addresses():
    text = "long f(long x) { return x + 2; }"
    assert Library(find_compiler().compile(text, ""), ["f"])["f"] > 0


@pytest.mark.parametrize(
    ("given", "what"),
    [("", "there is neither cc, gcc nor clang"), ("no-such-cc", "CC='no-such-cc' is no program")],
)
def test_without_a_compiler_the_backend_says_so(given, what, monkeypatch):
    monkeypatch.setenv("CC", given)
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert not C().is_available
    with pytest.raises(BackendError, match=rf"needs a C compiler, and {what}(.|\n)*fix: install gcc"):
        tt.compile(*line(), backend="c")


def test_without_llvmlite_the_backend_says_so(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not C().is_available
    with pytest.raises(BackendError, match=r"c backend needs llvmlite(.|\n)*fix: pip install"):
        tt.compile(*line(), backend=C())


def test_windows_is_refused(monkeypatch):
    monkeypatch.setattr(compiling.os, "name", "nt")
    with pytest.raises(BackendError, match="does not run on Windows; backend='llvm' does"):
        find_compiler()


@pytest.mark.parametrize(
    ("said", "what"),
    [
        (
            {"--version": "gcc 9.4.0\nFree Software Foundation", "-dumpversion": "9"},
            "too old a gcc: gcc 9.4.0",
        ),
        ({"--version": ""}, "does not run"),
    ],
)
def test_a_compiler_that_will_not_do_is_refused(said, what, monkeypatch):
    def run(command, **_):
        return SimpleNamespace(stdout=said[command[1]], stderr="", returncode=0)

    monkeypatch.setattr(compiling.subprocess, "run", run)
    monkeypatch.setattr("shutil.which", lambda name: f"/nowhere/{name} {what}")
    with pytest.raises(BackendError, match=f"needs a C compiler, and /nowhere/.*{what}"):
        find_compiler()
