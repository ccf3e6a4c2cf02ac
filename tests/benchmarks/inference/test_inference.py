"""The files that are raced are valid, and ours computes what a peer does."""

import numpy as np
import pytest

from tests.benchmarks.inference.__main__ import BATCHES, STARTED, write
from tests.benchmarks.inference.models import NETWORKS

onnx = pytest.importorskip("onnx")


@pytest.mark.parametrize("name", NETWORKS)
def test_files_are_valid(name):
    network = NETWORKS[name]
    for batch in (2, "batch"):
        onnx.checker.check_model(network.model(batch), full_check=True)
    assert network.input(3).shape == (3, *network.shape)
    assert {*BATCHES, *STARTED} == set(NETWORKS)


@pytest.mark.parametrize("is_open", [False, True])
def test_systems_infer_alike(is_open, tmp_path):
    pytest.importorskip("onnxruntime")
    from tests.benchmarks.systems import imported, onnx_runtime

    write(tmp_path, "lenet", 3, is_open)
    results = [system.prepare(str(tmp_path))() for system in (imported, onnx_runtime)]
    np.testing.assert_allclose(results[0], results[1], rtol=1e-4, atol=1e-5)
