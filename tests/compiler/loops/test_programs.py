"""Every kernel of every test program keeps the laws after every trick, reads back, and does what it says."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.jit import engine
from compiler.loops.atoms import ATOMS as MACHINE_ATOMS
from compiler.loops.printing import canonical
from compiler.loops.source import source
from compiler.loops.verify import verify, verify_machine
from tests.compiler.loops.machine_atoms import ATOMS, WANTING
from tests.compiler.loops.programs import bound, call, naming, stages
from tests.compiler.loops.reading import NAMING, read_kernel
from tinytorch.testing.programs import PROGRAMS

MACHINE = engine.host_target().machine
PLAIN = replace(MACHINE, vector_bytes=16, has_mask_registers=False, has_masked_memory=False)
MACHINES = {"host": MACHINE, "plain": PLAIN}
SLOW = {"chain"}


def compiled(name):
    item = PROGRAMS[name]()
    return tt.compile(item.inputs, item.outputs, updates=item.updates, backend="llvm"), item.data


@cache
def kernels(name):
    """The kernels of a program, and what their values are called."""
    program, _ = compiled(name)
    found = {}
    for step in program._executable.lowered.steps:
        if hasattr(step, "bound"):
            found |= bound(step)
    return list(found.values()), naming(program)


@cache
def reads_back(text):
    """Many tricks leave a kernel as it was, and programs share kernels: what has one text is read once."""
    return canonical(read_kernel(text)) == text


@cache
def source_reads_back(text):
    return source(read_kernel(text), NAMING) == text


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("machine", MACHINES)
def test_every_kernel_keeps_the_laws_and_reads_back_after_every_trick(name, machine):
    found, names = kernels(name)
    for kernel in found:
        for stage, item in stages(kernel, MACHINES[machine]):
            (verify_machine if stage == "lowered" else verify)(item, stage)
            assert reads_back(canonical(item))
            assert source_reads_back(source(item, names))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in PROGRAMS]
)
def test_a_call_run_by_hand_gives_what_machine_code_gives(name):
    """Before the mathematics is lowered about the same numbers, afterwards the same bits."""
    program, data = compiled(name)
    memories = {stage: call(program, data, stage, MACHINE) for stage in ("bound", "lowered")}
    found = program(*data)
    native = [np.asarray(item) for item in (found if isinstance(found, tuple | list) else [found])]
    native += [parameter.op.buffer.array for parameter, _ in program.graph.updates]
    for stage, memory in memories.items():
        for by_hand, expected in zip(memory.results(program), native, strict=True):
            if stage == "lowered":
                np.testing.assert_array_equal(by_hand, expected)
            elif expected.size:
                np.testing.assert_allclose(by_hand, expected, rtol=2e-5, atol=2e-5)


def test_the_atoms_that_are_run_by_hand_are_those_of_machines():
    assert {*ATOMS, *WANTING} == set(MACHINE_ATOMS)
