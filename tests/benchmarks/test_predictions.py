"""The benchmark of predictions profiles programs of the sweep, and counts how far predictions are away."""

from io import StringIO

import pytest
from rich.console import Console

from compiler.backends.llvm.backend import Llvm
from tests.benchmarks.predictions import Compared, by_class, compared, worst


def shown(table):
    text = StringIO()
    Console(width=120, file=text).print(table)
    return text.getvalue()


@pytest.mark.skipif(not Llvm().is_available, reason="needs the native backend")
def test_programs_of_a_class_are_profiled():
    found = list(compared(["arguments"], "(8,8)", 0, 1e-9))
    assert {each.family for each in found} == {"arguments"}
    assert all(each.predicted > 0 < each.measured and each.kernels for each in found)
    assert all(each.bound for each in found)


def test_tables_count_how_far_predictions_are_away():
    found = [
        Compared("a", "one", 1.0, 2.0, "issue", (0.5, 1.0)),
        Compared("a", "two", 1.2, 1.0, "memory", (1.2,)),
        Compared("b", "three", 1.0, 1.0, "launch", (1.0,)),
    ]
    lines = [line.replace("|", " ").replace("│", " ").split() for line in shown(by_class(found)).splitlines()]
    cells = {line[0]: line[1:] for line in lines if line}
    assert cells["a"][:3] == ["2", "0.35", "50%"]
    assert cells["b"][:3] == ["1", "0.00", "100%"]
    assert cells["all"][:3] == ["3", "0.20", "67%"]
    assert "a: one" in shown(worst(found, 1))
    assert "a: two" not in shown(worst(found, 1))
