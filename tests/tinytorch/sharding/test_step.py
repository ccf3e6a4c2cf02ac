"""A step in shards means what the step means, of whatever it is made; what it cannot mean is refused."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError, ShapeError, ShardingError
from tests.tinytorch.fitting import problem as fitting
from tests.tinytorch.sharding.steps import STEPS, batch, bits, dropped, masked, normed, plain, step_of, values
from tinytorch.sharding.step import ShardedStep

BATCHES = [batch(13, 0), batch(5, 1), batch(16, 2)]


@pytest.mark.parametrize("make", STEPS, ids=lambda make: make.__name__)
def test_losses_and_parameters_are_those_of_the_step_but_for_rounding(make):
    whole, ours = step_of(make), step_of(make)
    sharded = ShardedStep(ours, 8, ["x", "y"])
    for x, y in BATCHES:
        wanted, found = whole(x, y), sharded(x=x, y=y)
        assert list(found) == list(wanted)
        for name, value in wanted.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-12)
    for name, value in values(whole).items():
        np.testing.assert_allclose(values(ours)[name], value, rtol=1e-11, atol=1e-13, err_msg=name)


def test_what_a_stage_needs_from_others_makes_it_wait():
    counts = {
        make: len(ShardedStep(step_of(make), 2, ["x", "y"]).stages) for make in (plain, dropped, masked)
    }
    assert counts == {plain: 1, dropped: 1, masked: 2}
    normal = ShardedStep(step_of(normed), 2, ["x", "y"]).split
    sums = [[str(node.name or node.op.name) for node in part.graph.outputs] for part in normal.stages]
    assert len(sums) == 5  # mean, variance, loss, and what goes back through both


def test_a_shard_knows_which_rows_it_has():
    """A mask is drawn by the number of the row in the whole batch, so it does not depend on the shards."""
    counts = (1, 2, 16)
    steps = [step_of(dropped) for _ in counts]
    x, y = BATCHES[0]
    losses = [
        float(ShardedStep(step, n, ["x", "y"])(x=x, y=y)["loss"])
        for step, n in zip(steps, counts, strict=True)
    ]
    assert losses == pytest.approx([float(step_of(dropped)(x, y)["loss"])] * 3, rel=1e-13)


def test_bits_do_not_depend_on_where_rows_lie_in_memory():
    found = set[tuple[bytes, ...]]()
    x, y = batch(45, 3)
    for shift in (0, 1, 3):
        step = step_of(plain)
        room = np.empty(x.size + shift)
        room[shift:] = x.ravel()
        sharded = ShardedStep(step, 4, ["x", "y"])
        sharded(x=room[shift:].reshape(x.shape), y=y)
        found.add(tuple(bits(step).values()))
    assert len(found) == 1


def _loss(of):
    """A step whose loss is made from rows as a function says."""
    w = tt.parameter(np.ones(6), "w")
    x = tt.input("x", ("batch", 6), "float64")
    loss = of(x * w)
    return tt.compile([x], loss, updates={w: w - 0.1 * tt.grad(loss, w)})


REFUSED = {
    "rows of a batch meet each other": lambda x: (x @ x.T).sum(),
    "max over rows is no sum": lambda x: x.max(0).sum(),
    "cumsum follows the rows": lambda x: tt.cumsum(x, 0).mean(),
    "slice picks some of the rows": lambda x: x[::-1].mean() + x[0].sum(),
    "concatenate adds rows": lambda x: tt.concatenate([x, x]).mean(),
    "pad adds rows": lambda x: tt.pad(x, ((1, 0), (0, 0))).mean(),
    "gather looks for rows among all": lambda x: tt.take(x, tt.constant([0]), 0).mean(),
    "reshape mixes rows": lambda x: (x.T.reshape(-1) ** 2.0).sum(),
}  # fmt: skip


@pytest.mark.parametrize("words", REFUSED)
def test_what_rows_alone_do_not_say_is_refused_by_the_node(words):
    with pytest.raises(ShardingError, match=words) as caught:
        ShardedStep(_loss(REFUSED[words]), 4, ["x"])
    assert "test_step.py" in str(caught.value) or "%" in str(caught.value)


def test_a_batch_of_fixed_size_is_refused_with_what_to_write():
    x = tt.input("x", (8, 6), "float64")
    w = tt.parameter(np.ones(6), "w")
    step = tt.compile([x], (x * w).sum(), updates={w: w * 0.5})
    with pytest.raises(ShardingError, match=r'fix: tt.input\("x", \("batch", 6\)\)'):
        ShardedStep(step, 4, ["x"])
    x = tt.input("x", ("batch", 6), "float64")
    step = tt.compile([x], tt.constant(0.0), updates={w: w * 0.5})
    with pytest.raises(ShardingError, match="nothing in the step adds up"):
        ShardedStep(step, 4, ["x"])


def test_a_batch_without_rows_is_refused_and_nothing_changes():
    step = step_of(plain)
    before, sharded = bits(step), ShardedStep(step, 4, ["x", "y"])
    with pytest.raises(ShapeError, match="x has 0, y has 0"):
        sharded(x=np.zeros((0, 6)), y=np.zeros(0, np.int64))
    with pytest.raises(ShapeError, match="x has 4, y has 3"):
        sharded(x=np.zeros((4, 6)), y=np.zeros(3, np.int64))
    assert bits(step) == before


def test_fit_takes_shards_and_goes_on_from_a_checkpoint_with_the_same_bits(tmp_path):
    x, y = fitting.data()
    settings = {"batch_size": 16, "inputs": {"lr": 0.01}, "seed": 5, "shards": 4}
    first, second, whole = fitting.problem(), fitting.problem(), fitting.problem()
    history = tt.fit(first.step, (x, y), epochs=3, validation=(first.judge, (x, y)), **settings)
    path = tmp_path / "last.npz"
    stop = tt.callbacks.Checkpoint(path)
    tt.fit(second.step, (x, y), epochs=2, callbacks=stop, **settings)
    again = fitting.problem()
    tt.fit(again.step, (x, y), epochs=3, callbacks=tt.callbacks.Checkpoint(path), resume=path, **settings)
    assert fitting.bits(again) == fitting.bits(first)
    beside = tt.fit(whole.step, (x, y), epochs=3, **{**settings, "shards": None})
    assert history["loss"] == pytest.approx(beside["loss"], rel=1e-5)
    assert fitting.bits(whole) != fitting.bits(first)
    with pytest.raises(ArgumentError, match="power of two"):
        tt.fit(first.step, (x, y), **{**settings, "shards": 3})
