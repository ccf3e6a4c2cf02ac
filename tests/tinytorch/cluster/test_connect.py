"""Connecting: who may listen, who is refused, and what becomes of a sweep whose scheduler is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tinytorch as tt
from tests.tinytorch.cluster.networks import make_run

distributed = pytest.importorskip("distributed")
psutil = pytest.importorskip("psutil")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A scheduler and a worker of two slots, as somebody else would start them, without TLS."""
    folder = tmp_path_factory.mktemp("cluster")
    file = str(folder / "scheduler.json")
    commands = [
        ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"],
        ["distributed.cli.dask_worker", "--host", "127.0.0.1", "--nthreads", "2", "--no-nanny"],
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", *command, "--scheduler-file", file], cwd=folder, env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for command in commands
    ]  # fmt: skip
    while not Path(file).exists():
        time.sleep(0.05)
    with distributed.Client(scheduler_file=file, set_as_default=False) as client:
        client.wait_for_workers(1, timeout=60)
        yield client, started[0]
    for process in started:
        process.kill()
        process.wait()


def test_local_processes_listen_on_loopback_and_speak_tls():
    with tt.cluster.connect(workers=1) as machines:
        (address,) = machines.workers
        assert address.startswith("tls://127.0.0.1:")
        me = psutil.Process()
        listening = [
            item.laddr.ip
            for process in (me, *me.children(recursive=True))
            for item in process.net_connections()
            if item.status == psutil.CONN_LISTEN
        ]
        assert len(listening) >= 4
        assert set(listening) == {"127.0.0.1"}
        with pytest.raises((OSError, TimeoutError)):
            distributed.Client(address.replace("tls", "tcp"), timeout=1, set_as_default=False)
        task = machines.connection.client.submit(_threads_of_a_task, machines.connection.terms())
        assert task.result() == len(os.sched_getaffinity(0))
    assert repr(machines) == "<Machines, closed>"


def _threads_of_a_task(terms):
    from tinytorch.cluster.working import prepare

    prepare(terms)
    return tt.get_num_threads()


def test_a_remote_address_without_tls_is_refused_before_anything_is_sent():
    with pytest.raises(tt.ArgumentError, match=r"tcp://10\.0\.0\.1:8786 is without TLS: whoever reaches it"):
        tt.cluster.connect("10.0.0.1:8786")
    with pytest.raises(tt.ArgumentError, match=r"not of int\n  fix: connect\("):
        tt.cluster.connect(8786)
    with pytest.raises(tt.ArgumentError, match="workers=2 is for local processes"):
        tt.cluster.connect("tls://10.0.0.1:8786", workers=2)


def test_workers_that_differ_are_refused(elsewhere):
    client, _ = elsewhere
    address = client.scheduler.address
    client.run(_pretend, {"llvmlite": "none", "instructions": "+sse2,+own"})
    try:
        with pytest.raises(tt.ClusterError) as caught:
            tt.cluster.connect(address)
        assert "llvmlite is none and not" in str(caught.value)
        assert "the instruction set lacks" in str(caught.value)
        assert "fix: install the same versions there, or connect(..., same_bits=False)" in str(caught.value)
        with tt.cluster.connect(address, same_bits=False) as machines:
            assert len(machines.workers) == 1
    finally:
        client.run(_pretend, None)


def test_a_worker_that_becomes_another_is_not_used(elsewhere, data):
    client, _ = elsewhere
    with tt.cluster.connect(client) as machines:
        client.run(_pretend, {"numpy": "1.0"})
        try:
            with pytest.raises(tt.ClusterError, match=r"no worker is left .* NumPy is 1\.0 and not"):
                machines.sweep(make_run, {"width": [2], "lr": [0.1]}, data=data)
        finally:
            client.run(_pretend, None)


def _pretend(other):
    from tinytorch.cluster import working

    if other is None:
        working.facts = working.own_facts
    else:
        working.own_facts, facts = working.facts, {**working.facts(), **other}
        working.facts = lambda: facts


def test_a_scheduler_that_goes_away_leaves_what_is_finished(elsewhere, data):
    client, scheduler = elsewhere

    def kill(progress):
        if progress.done == 2:
            scheduler.send_signal(signal.SIGKILL)

    with tt.cluster.connect(client) as machines:
        with pytest.raises(tt.ClusterError, match=r"the scheduler .* went away; . of 50 runs") as caught:
            machines.sweep(make_run, {"width": [2], "lr": [0.1], "seed": range(50)}, data=data, progress=kill)
        assert 2 <= len(caught.value.found) < 50
        assert all(run.state == "done" for run in caught.value.found)
        with pytest.raises(tt.ClusterError, match="went away"):
            machines.workers  # noqa: B018  # which asks the scheduler
