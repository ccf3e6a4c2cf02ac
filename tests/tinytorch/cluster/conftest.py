"""Two local processes for all tests, and what they train."""

import numpy as np
import pytest

import tinytorch as tt

pytest.importorskip("distributed")


@pytest.fixture(scope="session")
def shared_machines():
    with tt.cluster.connect(workers=2) as found:
        yield found


@pytest.fixture(scope="module")
def machines(shared_machines):
    """Both of them, whoever was killed before."""
    shared_machines.connection.client.wait_for_workers(2, timeout=60)
    return shared_machines


@pytest.fixture(scope="session")
def data():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(60, 3)).astype(np.float32)
    return x, (x @ np.ones((3, 1), np.float32)).astype(np.float32)
