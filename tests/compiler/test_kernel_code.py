"""A program shows the code of its kernels, where its backend has any."""

import importlib.util
import json
from itertools import pairwise

import pytest

import tinytorch as tt
from compiler.loops.pipeline import TRICKS
from tinytorch.testing import PROGRAMS


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
    with pytest.raises(tt.BackendError, match="backend reference has no code of its own"):
        softmax("reference").loops(0)


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
        with pytest.raises(tt.ArgumentError, match=r"give one of program.schedule.kernels, or 0 to 0"):
            program.loops(wrong)


@pytest.mark.skipif(importlib.util.find_spec("llvmlite") is None, reason="needs llvmlite")
def test_a_native_program_shows_how_its_loops_came_to_be():
    history = softmax("llvm").loops("kernel 0")
    assert [item.name for item in history] == [name for name, _ in TRICKS]
    named = {item.name: item for item in history}
    changed = {item.name for item in history if item.changed}
    assert {"chunk", "keep", "vectorise", "lower"} <= changed
    assert changed.isdisjoint({"split", "tile", "dot"})
    assert "in vectors of" not in named["vectorise"].before
    assert "in vectors of" in named["vectorise"].after
    assert "chunk * grain" in named["chunk"].after
    assert named["keep"].sentence.startswith("Keeps what a later pass")
    assert named["keep"].lines[1] > named["keep"].lines[0]
    text = str(history)
    assert text.startswith("the loops as they are written; ")
    assert text.count("# kernel 0") == 1 + len(changed)
    assert "\nsplit: Cuts long chains" in text
    assert [row[-1] == "same" for row in history.tables[0].rows[1:]] == [not item.changed for item in history]
    data = history.to_dict()["records"]
    assert data == json.loads(json.dumps(data))
    assert [item["changed"] for item in data] == [item.changed for item in history]


@pytest.mark.skipif(importlib.util.find_spec("llvmlite") is None, reason="needs llvmlite")
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_history_of_every_kernel_hangs_together_and_ends_in_its_source(name):
    made = PROGRAMS[name]()
    program = tt.compile(made.inputs, made.outputs, updates=made.updates, backend="llvm")
    for kernel in program.schedule.kernels:
        history = program.loops(kernel)
        assert all(one.after == other.before for one, other in pairwise(history))
        assert history[-1].before == program.source(kernel)
