"""Fitting on many workers: the bits of one process, whoever takes part and whoever is lost."""

import os
import resource
import signal
import time

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ArgumentError, ClusterError, IndexRangeError, ShardingError
from tests.tinytorch.fitting.problem import bits, data, problem, rows_of
from tests.tinytorch.sharding import steps
from tinytorch.cluster.advice import measuring
from tinytorch.cluster.parallel import crew
from tinytorch.cluster.parallel.step import ParallelStep

pytestmark = pytest.mark.slow

LR = {"lr": 0.01}
SETTINGS = {"batch_size": 16, "inputs": LR, "seed": 5, "shards": 8}


@pytest.fixture(scope="module")
def machines():
    with tt.cluster.connect(workers=3, threads=1) as found:
        yield found


@pytest.fixture(scope="module")
def alone():
    """Bits and rows of three epochs in this process."""
    made = problem()
    history = tt.fit(made.step, data(), epochs=3, **SETTINGS)
    return bits(made), rows_of(history)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_one_number_of_shards_has_the_same_bits_on_any_number_of_workers(machines, alone, workers):
    made = problem()
    history = machines.fit(made.step, data(), epochs=3, workers=workers, **SETTINGS)
    assert (bits(made), rows_of(history)) == alone
    (note,) = history.notes  # of a network this small one process is faster, and the fit says so
    assert note.startswith("one process would take about")
    assert f"and {workers} worker" in note


def test_data_come_as_files_and_as_batches_too(machines, tmp_path):
    x, y = data()
    for name, array in (("x", x), ("y", y)):
        np.save(tmp_path / f"{name}.npy", array)
    mapped = tuple(np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "xy")
    batches = [(x[k : k + 16], y[k : k + 16]) for k in range(0, len(x), 16)]
    found = []
    for given, options in (
        ((x, y), {"shuffle": False, "batch_size": 16}),
        (mapped, {"shuffle": False, "batch_size": 16}),
        (tt.DataLoader({"x": x, "y": y}, 16), {}),
        (batches, {}),
    ):
        made = problem()
        machines.fit(made.step, given, epochs=2, inputs=LR, shards=4, **options)
        found.append(bits(made))
    assert all(item == found[0] for item in found[1:])


def test_a_step_of_several_stages_meets_several_times(machines):
    x, y = steps.batch(45)
    ours, theirs = steps.step_of(steps.normed, backend="numpy"), steps.step_of(steps.normed, backend="numpy")
    machines.fit(ours, (x, y), batch_size=20, shuffle=False, epochs=2, shards=4)
    tt.fit(theirs, (x, y), batch_size=20, shuffle=False, epochs=2, shards=4)
    assert steps.bits(ours) == steps.bits(theirs)


def _processes(machines):
    """The process of each worker, by its address."""
    return machines.connection.client.run(os.getpid)


def _await_workers(machines, count, but=()):
    end = time.monotonic() + 60
    while len([at for at in machines.workers if at not in but]) < count:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_worker_killed_in_an_epoch_is_replaced_and_the_bits_stay(machines, alone, monkeypatch):
    monkeypatch.setattr(crew, "_GLANCE", 0.1)  # else the steps that are left may end before the next look
    made = problem()
    killed = list[str]()

    def rate(state):
        """Asked before each step: in the second epoch somebody dies, and later all are there again."""
        if state.steps == 5:
            at, process = sorted(_processes(machines).items())[0]
            killed.append(at)
            os.kill(process, signal.SIGKILL)
        if state.steps == 7:
            _await_workers(machines, 3, killed)
        return 0.01

    history = machines.fit(made.step, data(), epochs=3, **{**SETTINGS, "inputs": {"lr": rate}})
    assert (bits(made), rows_of(history)) == alone
    lost, *came = [note for note in history.notes if "one process" not in note]
    assert lost.startswith(f"step 6: worker {killed[0]} was lost")
    assert [note.endswith("takes part") for note in came] == [True]


def test_a_worker_that_hangs_is_given_up_after_the_deadline_and_begins_anew(machines, alone):
    _await_workers(machines, 3)
    made = problem()
    stopped = list[str]()

    def rate(state):
        if state.steps == 2:
            at, process = sorted(_processes(machines).items())[1]
            stopped.append(at)
            os.kill(process, signal.SIGSTOP)
        return 0.01

    history = machines.fit(made.step, data(), epochs=3, deadline=2.0, **{**SETTINGS, "inputs": {"lr": rate}})
    assert (bits(made), rows_of(history)) == alone
    assert history.notes[0].startswith(f"step 3: worker {stopped[0]} was lost (it did not answer in time)")
    assert len([note for note in history.notes if "lost" in note]) == 1
    _await_workers(machines, 3, stopped)


def test_a_full_disk_at_a_checkpoint_leaves_the_one_before_from_which_a_fit_goes_on(
    machines, alone, tmp_path
):
    path = tmp_path / "fit.npz"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(state):
        if state.epoch == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (512, limits[1]))

    full, again = problem(), problem()
    try:
        with pytest.raises(OSError, match="File too large"):
            machines.fit(
                full.step, data(), epochs=3, callbacks=[fill, tt.callbacks.Checkpoint(path)], **SETTINGS
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == [path]
    history = machines.fit(again.step, data(), epochs=3, resume=path, **SETTINGS)
    assert (bits(again), rows_of(history)) == alone


def test_what_is_wrong_in_the_program_is_raised_here_and_the_last_step_stays(machines):
    x, y = steps.batch(40)
    step = steps.step_of(steps.plain)
    y[37] = 5
    before, after = steps.step_of(steps.plain), step
    tt.fit(before, (x[:20], y[:20]), batch_size=20, shuffle=False, shards=4)
    with pytest.raises(IndexRangeError, match="5"):
        machines.fit(after, (x, y), batch_size=20, shuffle=False, shards=4)
    assert steps.bits(after) == steps.bits(before)


def test_what_cannot_be_is_refused_before_the_first_step(machines):
    with pytest.raises(ArgumentError, match="power of two"):
        machines.fit(problem().step, data(), **{**SETTINGS, "shards": 6})
    with pytest.raises(ArgumentError, match="deadline is a positive number"):
        machines.fit(problem().step, data(), deadline=0, **SETTINGS)
    with pytest.raises(ShardingError, match="first axis"):
        machines.fit(problem(16).step, data(), **SETTINGS)


def test_why_measures_a_copy_of_the_step_on_some_of_the_workers(machines):
    _await_workers(machines, 3)
    step = steps.step_of(steps.masked)
    before = steps.bits(step)
    advice = machines.why(step, batch_size=64, shards=8, workers=2)
    assert steps.bits(step) == before
    assert advice.workers == 2
    model = advice.found.model
    assert (model.shards, len(model.returned)) == (8, 2)
    assert model.sent == sum(tensor.nbytes for tensor in _weights(step))
    assert min(advice.alone, advice.together, model.link.latency, model.link.bandwidth) > 0
    assert advice.seconds(2) == pytest.approx(sum(advice.parts(2).values()))
    assert "2 workers (" in str(advice)


def test_steps_are_predicted_within_30_percent(machines):
    """From steps on one worker and on three: those on two, and of fewer rows, all tried in turn.

    Whatever else runs meanwhile makes the fastest of some tries longer, so it is told by more tries.
    """
    _await_workers(machines, 3)
    step, rows = _two_layers(), 1024
    columns = {str(node.name): measuring.sample(node, rows, {}) for node in step.signature.inputs}
    parallel = ParallelStep(machines.connection, step, 16, columns, list(columns), None)
    known = [(n, many) for many in (16, rows) for n in (0, 1, 3)]
    others = [(2, rows), (1, rows // 4), (2, rows // 4), (3, rows // 4)]
    for tries in (15, 30, 60):
        took = measuring.tried(parallel, step, columns, {}, [*known, *others], tries)
        model = measuring.model_of(machines.connection, parallel, step, {}, {}, took, 16, rows)
        found = [model.seconds(*case) for case in others]
        expected = pytest.approx([took[case].together for case in others], rel=0.3)
        if found == expected:
            break
    parallel.crew.close()
    assert found == expected


def _two_layers():
    x, y = tt.input("x", ("batch", 64)), tt.input("y", ("batch",), "int64")
    network = tt.nn.Sequential(tt.nn.Dense(64, 256), tt.nn.GELU(), tt.nn.Dense(256, 10), seed=0)
    loss = tt.losses.cross_entropy(network(x), y)
    return tt.compile([x, y], loss, updates=tt.optim.Adam(network.parameters(), lr=1e-3).updates(loss))


def _weights(step):
    nodes = step.source_graph.parameters
    return [tt.value_of(tt.Tensor(node)) for node in nodes if "sgd" not in str(node.name)]


def test_rows_of_a_dask_array_are_computed_where_they_are_needed(machines):
    dask_array = pytest.importorskip("dask.array")
    x, y = data()
    chunked = dask_array.from_array(x, chunks=(13, 4)), dask_array.from_array(y, chunks=20)
    ours, theirs = problem(), problem()
    for made, given in ((ours, chunked), (theirs, (x, y))):
        machines.fit(made.step, given, epochs=2, **SETTINGS)
    assert bits(ours) == bits(theirs)


def test_a_scheduler_that_goes_away_leaves_what_was_committed():
    """Of a cluster of its own, for nothing is left of it."""
    x, y = data()
    ours, theirs = problem(), problem()

    with tt.cluster.connect(workers=1) as machines:

        def rate(state):
            if state.steps == 6:
                machines.connection.cluster.close()
            return 0.01

        with pytest.raises(ClusterError, match="went away") as caught:
            machines.fit(ours.step, (x, y), epochs=3, **{**SETTINGS, "inputs": {"lr": rate}})
    assert len(caught.value.found) == 1
    tt.fit(theirs.step, (x, y), epochs=2, callbacks=_stop_after(6), **SETTINGS)
    assert bits(ours) == bits(theirs)


def _stop_after(steps):
    class Stop(tt.callbacks.Callback):
        def on_step_end(self, state):
            if state.steps == steps:
                state.stop("enough")

    return Stop()
