"""Hashes that are computed once, and maps whose types are looked up."""

import copy
import pickle
from dataclasses import dataclass, replace

import pytest

from compiler.errors import ShapeError
from compiler.ir import build
from compiler.ir.build import apply, atom_formula, input_node
from compiler.ir.hashing import Hashed, hash_once
from compiler.ir.map_reduce import MapReduce
from compiler.ir.types import FLOAT32, FLOAT64, TensorType


class Counted:
    """Counts how often it is hashed."""

    def __init__(self) -> None:
        self.hashes = 0

    def __hash__(self) -> int:
        self.hashes += 1
        return 7


@hash_once
@dataclass(frozen=True, slots=True)
class Holds(Hashed):
    item: Counted


def test_a_hash_is_computed_once_an_instance():
    value = Holds(Counted())
    assert hash(value) == hash(value) == hash(replace(value))
    assert value.item.hashes == 2


def test_a_remembered_hash_is_no_field():
    kind = TensorType(FLOAT32, (2, 3))
    hash(kind)
    for twin in (copy.copy(kind), pickle.loads(pickle.dumps(kind)), replace(kind)):  # noqa: S301  # our own bytes
        assert twin == kind
        assert not hasattr(twin, "_hash")
        assert hash(twin) == hash(kind)


def test_equal_maps_are_one_op():
    x, y = (input_node("x", TensorType(FLOAT32, (2, 3))) for _ in range(2))
    assert apply("exp", x).op is apply("exp", y).op
    assert apply("exp", x).op is not apply("exp", x, dtype=FLOAT64).op


def test_literals_of_other_types_and_signs_are_other_maps():
    x = input_node("x", TensorType(FLOAT32, (2,)))
    ops = {apply("mul", x, value).op for value in (1, 1.0, True, 0.0, -0.0, float("nan"))}
    assert len(ops) == 6


def test_what_is_no_map_is_no_map_the_second_time():
    x, y = (input_node(name, TensorType(FLOAT32, shape)) for name, shape in (("x", (2,)), ("y", (3,))))
    messages: list[str] = []
    for _ in range(2):
        with pytest.raises(ShapeError, match="do not broadcast") as caught:
            apply("add", x, y)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert "%x" in messages[0]


def test_not_every_map_is_remembered_for_ever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(build, "MOST_MAPS", 8)
    monkeypatch.setattr(build, "_MAPS", {})
    x = input_node("x", TensorType(FLOAT32, (2,)))
    for number in range(30):
        op = apply("mul", x, number).op
        assert isinstance(op, MapReduce)
        assert op.formula is atom_formula("mul")
        assert len(build._MAPS) <= 8
