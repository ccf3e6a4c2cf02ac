"""Scripts: functions by value, Ctrl-C, and what a script without a guard is told."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("distributed")

SCRIPT = """
import os, sys, time
from pathlib import Path
import numpy as np
import tinytorch as tt

def make_run(seed):
    Path(sys.argv[1], f"{seed}").touch()
    if seed >= 2:
        time.sleep(60)
    x, lr = tt.input("x", ("batch", 3)), tt.input("lr")
    w = tt.parameter(np.full(3, seed, np.float32), "w")
    loss = (x @ w).mean()
    return tt.cluster.Training([x, lr], {"loss": loss}, {w: w - lr * tt.grad(loss, w)})

if __name__ == "__main__":
    with tt.cluster.connect(workers=2) as machines:
        data = np.ones((20, 3), np.float32)
        runs = machines.sweep(make_run, {"lr": [0.1], "seed": range(5)}, data=data, resume=sys.argv[1])
        print(runs.stopped, len(runs), runs.total, flush=True)
    print("closed", flush=True)
"""


def run(path, *arguments):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])}
    return subprocess.Popen(
        [sys.executable, str(path), *map(str, arguments)], env=environment, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=path.parent,
    )  # fmt: skip


def test_ctrl_c_keeps_what_is_finished_and_ends_the_rest(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    process = run(script, tmp_path)
    deadline = time.monotonic() + 120
    while not ((tmp_path / "2").exists() and (tmp_path / "3").exists()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it, too
    out, error = process.communicate(timeout=60)
    assert out.splitlines() == ["interrupted by the keyboard 2 5", "closed"], error
    assert "Traceback" not in error
    assert process.returncode == 0
    assert len(list((tmp_path / "runs").glob("*.npz"))) == 2
    assert not (tmp_path / "4").exists()


def test_a_script_without_a_guard_is_told_so_at_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import tinytorch as tt\ntt.cluster.connect()\n")
    process = run(script)
    _, error = process.communicate(timeout=60)
    assert "ArgumentError" in error
    assert f"{script}:2 starts processes" in error
    assert 'put these lines below `if __name__ == "__main__":`' in error
