"""A program shows the code of its kernels, where its backend has any."""

import pytest

import tinytorch as tt


def softmax(backend: str) -> tt.Program:
    x = tt.input("x", ("n", 40))
    return tt.compile([x], tt.softmax(x), backend=backend)


def test_a_native_program_shows_loops_ir_and_machine_code() -> None:
    program = softmax("llvm")
    assert program.source(0).startswith("for i0 in 0 .. n:")
    assert "exp(" in program.source(0)
    assert "define" in program.llvm_ir(0)
    assert program.assembly(0).strip()


def test_other_backends_say_that_they_have_none() -> None:
    with pytest.raises(
        tt.BackendError, match="backend numpy has no code of its own; compile with backend='llvm'"
    ):
        softmax("numpy").source(0)
