"""DataLoader: batches arranged like the data, an order of (seed, epoch) alone, nothing copied in vain."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError, DTypeError, KeywordError, ShapeError, SymbolicValueError


def seen(loader):
    return [batch.tolist() for batch in loader]


def test_batches_are_views_in_order_and_the_last_one_is_what_is_left():
    x, y = np.arange(7.0), np.arange(14).reshape(7, 2)
    loader = tt.DataLoader((x, y), batch_size=3)
    batches = list(loader)
    assert len(loader) == len(batches) == 3
    assert [len(first) for first, _ in batches] == [3, 3, 1]
    assert all(np.shares_memory(first, x) and np.shares_memory(second, y) for first, second in batches)
    np.testing.assert_array_equal(np.concatenate([second for _, second in batches]), y)
    with pytest.raises(ValueError, match="read-only"):
        batches[0][0][0] = 1.0
    assert x.flags.writeable
    assert len(tt.DataLoader((x, y), 3, drop_last=True)) == 2
    assert [list(item) for item in tt.DataLoader({"a": x, "b": y}, 4)] == [["a", "b"]] * 2
    assert seen(tt.DataLoader([1, 2, 3], 2)) == [[1, 2], [3]]


def test_every_epoch_has_another_order_of_seed_and_epoch_alone():
    x = np.arange(20)
    loader, twin = (tt.DataLoader(x, 6, shuffle=True, seed=5) for _ in range(2))
    first, second = seen(loader), seen(loader)
    assert first != second
    assert all(sorted(np.concatenate(found)) == list(range(20)) for found in (first, second))
    assert [item.tolist() for item in twin.batches(1)] == second
    assert [item.tolist() for item in twin.batches(1, start=2)] == second[2:]
    assert seen(twin) == first
    assert seen(tt.DataLoader(x, 6, shuffle=True, seed=6)) != first
    by_chance = tt.DataLoader(x, 6, shuffle=True)
    again = tt.DataLoader(x, 6, shuffle=True)
    again.load_state_dict(by_chance.state_dict())
    assert seen(again) == seen(by_chance)
    made = [tt.DataLoader(x, 6, True, seed=np.random.default_rng(1)).seed for _ in range(2)]
    assert made[0] == made[1]
    np.testing.assert_array_equal(x, np.arange(20))


def test_examples_of_sequences_and_iterables_are_stacked():
    class Squares:
        def __len__(self):
            return 5

        def __getitem__(self, place):
            return {"x": np.full(2, place, np.float32), "y": place**2}

    first, last = tt.DataLoader(Squares(), batch_size=3)
    assert first["x"].dtype == np.float32
    assert first["x"].tolist() == [[0, 0], [1, 1], [2, 2]]
    assert (last["y"].dtype, last["y"].tolist()) == (np.int64, [9, 16])
    shuffled = [item["y"].tolist() for item in tt.DataLoader(Squares(), 5, shuffle=True, seed=0)]
    assert sorted(shuffled[0]) == [0, 1, 4, 9, 16] != shuffled[0]

    stream = tt.DataLoader(((k, 0.5 * k) for k in range(5)), batch_size=2, drop_last=True)
    assert [(a.tolist(), b.dtype) for a, b in stream] == [([0, 1], np.float32), ([2, 3], np.float32)]
    with pytest.raises(ArgumentError, match=r"a generator can be read once, and epoch 2(.|\n)*fix: list"):
        next(iter(stream))
    with pytest.raises(SymbolicValueError, match="known when it has been read"):
        len(stream)
    padded = tt.DataLoader([[1], [2, 3]], 2, collate_fn=lambda items: np.array([len(x) for x in items]))
    assert seen(padded) == [[1, 2]]


@pytest.mark.parametrize(
    ("data", "options", "error", "message"),
    [
        ((np.zeros(3), np.zeros(2)), {}, ShapeError, "0 has 3 rows and 1 has 2"),
        ({"x": np.zeros((0, 2))}, {}, ShapeError, r"no data: 'x' is float64\[0, 2\]"),
        ((), {}, ShapeError, "no arrays"),
        ([], {}, ShapeError, "the sequence is empty"),
        (np.float32(1), {}, ShapeError, "is one number"),
        ((np.array(["a"]),), {}, DTypeError, "not an array of bools, integers or floats"),
        (np.zeros(3), {"batch_size": 0}, ArgumentError, "at least one example, not 0"),
        (np.zeros(3), {"seed": -1}, ArgumentError, "a seed is"),
        (np.zeros(3), {"generator": 1}, KeywordError, "fix: seed=1"),
        (np.zeros(3), {"num_workers": 2}, KeywordError, "fix: leave it out"),
        (iter([1]), {"shuffle": True}, ArgumentError, r"no length, (.|\n)*fix: shuffle=False, or list"),
        (3, {}, ArgumentError, "not 3"),
    ],
)
def test_bad_data(data, options, error, message):
    with pytest.raises(error, match=message):
        tt.DataLoader(data, **options)


def test_examples_of_different_shapes_are_an_error():
    with pytest.raises(ShapeError, match=r"\[1\] and \[2\]\n  fix: a collate_fn"):
        next(iter(tt.DataLoader([np.zeros(1), np.zeros(2)], 2)))
