"""The standard's conformance suite: a test of each operator, and all that pass in a slow run.

`tests/onnx/passed.json` lists what passes; `python -m tests.onnx --write` makes it anew.
"""

import zlib

import pytest

from tests.onnx.outcomes import Bench
from tests.onnx.record import names_of, read_record
from tests.onnx.suites import Case, load_most, load_rest

COMPILED = {"backend": "numpy", "passes": ()}


def _failures(bench, wanted):
    """What does not come out as it is recorded, of tests by suite and name."""
    found = {}
    for (kind, name), is_differentiated in wanted.items():
        outcome = bench.run(Case(name, kind, (), ""))["ours"]
        if outcome.result != "passed":
            found[name] = outcome.reason
        elif is_differentiated and outcome.gradient not in ("", "agrees"):
            found[name] = f"gradient {outcome.gradient}: {outcome.gradient_reason}"
    return found


def _recorded(kinds):
    return {
        (kind, name): name in results.get("differentiated", ())
        for kind in kinds
        for results in read_record()[kind].values()
        for name in names_of(results)
    }


def test_of_each_operator_a_test_passes_and_its_gradient_agrees():
    load_most()
    bench = Bench(("ours",), COMPILED, gradients=True)
    wanted = {}
    for kind in ("node", "pytorch-converted"):
        for results in read_record()[kind].values():
            here = [name for name in names_of(results) if bench.has(kind, name)]
            if here:
                name = min(here, key=lambda item: zlib.crc32(item.encode()))
                wanted[kind, name] = name in results.get("differentiated", ())
    assert len(wanted) > 200
    assert _failures(bench, wanted) == {}


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_all_that_passed_pass(part):
    load_rest()
    wanted = {
        (kind, name): is_differentiated
        for (kind, name), is_differentiated in _recorded(
            ("node", "simple", "pytorch-operator", "pytorch-converted")
        ).items()
        if zlib.crc32(name.encode()) % 8 == part
    }
    assert _failures(Bench(("ours",), COMPILED, gradients=False), wanted) == {}
