"""Two local processes for the tests of a module, and what they train."""

import numpy as np
import pytest

import tinytorch as tt

pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def machines():
    with tt.cluster.connect(workers=2) as found:
        yield found


@pytest.fixture(scope="session")
def data():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(60, 3)).astype(np.float32)
    return x, (x @ np.ones((3, 1), np.float32)).astype(np.float32)
