"""Two processes with different hash seeds make the same text, schedule and plan of a real training step."""

import os
import subprocess
import sys

STEP = """
import numpy as np, tinytorch as tt
x = tt.input("x", ("batch", 8))
labels = tt.input("labels", ("batch",), "int64")
net = tt.nn.Sequential(tt.nn.Dense(8, 6), tt.nn.GELU(), tt.nn.LayerNorm(6), tt.nn.Dense(6, 3), seed=0)
loss = tt.losses.cross_entropy(net(x), labels)
updates = tt.optim.Adam(net.parameters(), lr=1e-3).updates(loss)
step = tt.compile([x, labels], {"loss": loss}, updates=updates, backend="numpy")
print(step.source_graph, step.graph, step.schedule, step.plan.peak_bytes)
rng = np.random.default_rng(0)
for _ in range(3):
    found = step(rng.standard_normal((5, 8), np.float32), rng.integers(0, 3, 5))
print(found["loss"].tobytes().hex())
print("".join(tt.value_of(parameter).tobytes().hex() for parameter in net.parameters()))
"""


def printed(seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    run = subprocess.run(
        [sys.executable, "-c", STEP], env=environment, capture_output=True, text=True, check=True
    )
    return run.stdout


def test_text_schedule_plan_and_bits_do_not_depend_on_the_hash_seed():
    first = printed("1")
    assert "update %" in first
    assert first == printed("2")
