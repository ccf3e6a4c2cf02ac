"""Scratch arrays of a map are free again after the last line that reads them."""

from typing import Any

from compiler.backends.numpy.scratch import Scratch
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import infer_dtypes
from compiler.ir.types import FLOAT32


class Shelf:
    """Names of arrays, given out again when they come back."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.free: list[str] = []

    def take(self, dtype: object, shape: object) -> str:
        if not self.free:
            self.made.append(f"s{len(self.made)}")
            self.free.append(self.made[-1])
        return self.free.pop()

    def give_back(self, name: str) -> None:
        assert name not in self.free
        self.free.append(name)


def test_a_chain_takes_two_arrays_and_a_value_that_is_read_late_keeps_its_own() -> None:
    formula = parse_formula("f(x) = { a = exp(x); a + sin(cos(sin(cos(sin(a))))) }")
    lines = infer_dtypes(formula, [FLOAT32], FLOAT32)
    shelf: Any = Shelf()
    scratch = Scratch(shelf, (4,), lines, formula.result)
    values: list[Any] = ["x"]
    for number, line in enumerate(lines):
        arguments = [values[ref] for ref in line.line.arguments if isinstance(ref, int)]
        assert not set(arguments) & set(shelf.free)
        values.append(scratch.take(line.dtype))
        assert values[-1] not in arguments
        scratch.release(number, values, {})
    assert len(shelf.made) == 3
    assert values[-1] not in shelf.free
    scratch.release_all()
    assert sorted(shelf.free) == shelf.made
