"""A program shows the code of its kernels, where its backend has any."""

import importlib.util

import pytest

import tinytorch as tt


def softmax(backend: str) -> tt.Program:
    x = tt.input("x", ("n", 40))
    return tt.compile([x], tt.softmax(x), backend=backend)


def test_a_native_program_shows_loops_ir_and_machine_code() -> None:
    program = softmax("llvm")
    assert "{n}" in program.source(0)
    assert "exp(" in program.source(0)
    assert "define" in program.llvm_ir(0)
    assert program.assembly(0).strip()


def test_other_backends_say_that_they_have_none() -> None:
    with pytest.raises(
        tt.BackendError, match="backend numpy has no code of its own; compile with backend='llvm'"
    ):
        softmax("numpy").source(0)


@pytest.mark.skipif(importlib.util.find_spec("llvmlite") is None, reason="needs llvmlite")
def test_a_kernel_is_named_by_itself_or_by_its_number():
    program = softmax("llvm")
    (kernel,) = program.schedule.kernels
    assert program.source(kernel) == program.source(0)
    assert program.llvm_ir(kernel) == program.llvm_ir(0)
    assert program.assembly(kernel) == program.assembly(0)
    (other,) = softmax("llvm").schedule.kernels
    for wrong in (other, 1, -1, "kernel 1"):
        with pytest.raises(tt.ArgumentError, match=r"give one of program.schedule.kernels, or 0 to 0"):
            program.source(wrong)
