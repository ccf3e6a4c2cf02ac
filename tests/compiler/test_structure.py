"""Outputs come back as they were arranged."""

import pytest

from compiler.errors import ArgumentError
from compiler.structure import Structure, flatten


@pytest.mark.parametrize("given", [7, (1, 2), [1, 2], (), [], {"a": 1, "b": 2}, {}])
def test_what_is_flattened_packs_again(given):
    values, structure = flatten(given)
    found = structure.pack(values)
    assert found == given
    assert type(found) is type(given)
    assert structure.unpack(given) == values


def test_a_dict_is_unpacked_by_key_not_by_order():
    _, structure = flatten({"a": 1, "b": 2})
    assert structure.unpack({"b": 20, "a": 10}) == [10, 20]


def test_a_tuple_stands_for_a_list():
    assert Structure("list", 2).unpack((1, 2)) == [1, 2]


@pytest.mark.parametrize(
    ("structure", "given", "message"),
    [
        (Structure("one", 1), [1], "out= is arranged like the outputs: one array; not a list of 1"),
        (Structure("list", 2), [1], "a list of 2; not a list of 1"),
        (Structure("tuple", 1), 1, "a tuple of 1; not one array"),
        (Structure("dict", 1, ("a",)), {"b": 1}, "out= has the keys of the outputs, a"),
        (Structure("dict", 1, ("a",)), [1], "a dict of 1; not a list of 1"),
    ],
)
def test_another_arrangement_is_an_error(structure, given, message):
    with pytest.raises(ArgumentError, match=message):
        structure.unpack(given)


def test_keys_are_strings():
    with pytest.raises(ArgumentError, match="a dict of outputs has strings as keys"):
        flatten({1: 2})
