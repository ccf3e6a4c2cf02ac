"""Classical models (ai.onnx.ml) beside ONNX Runtime, with a symbolic number of rows."""

import numpy as np
import pytest

import tinytorch as tt
from tests.tinytorch.onnx.operators.nodes import node_model, normal, ours, theirs

ROWS = normal(9, 3)
TREES = {
    "nodes_treeids": [0] * 5 + [1] * 3,
    "nodes_nodeids": [0, 1, 2, 3, 4, 0, 1, 2],
    "nodes_featureids": [0, 1, 0, 0, 0, 2, 0, 0],
    "nodes_values": [0.1, -0.2, 0, 0, 0, 0.3, 0, 0],
    "nodes_modes": ["BRANCH_LEQ", "BRANCH_GT", "LEAF", "LEAF", "LEAF", "BRANCH_LT", "LEAF", "LEAF"],
    "nodes_truenodeids": [1, 3, 0, 0, 0, 1, 0, 0],
    "nodes_falsenodeids": [2, 4, 0, 0, 0, 2, 0, 0],
}
LEAVES = {"treeids": [0, 0, 0, 1, 1], "nodeids": [2, 3, 4, 1, 2]}


def _regressor(ids, **settings):
    leaves = {f"target_{name}": item for name, item in LEAVES.items()}
    weights = {"target_ids": ids, "target_weights": [1.0, 2, 3, 4, 5], "n_targets": 1 + max(ids)}
    return {**TREES, **leaves, **weights, **settings}


def _classifier(ids, weights, **settings):
    leaves = {f"class_{name}": item for name, item in LEAVES.items()}
    return {**TREES, **leaves, "class_ids": ids, "class_weights": weights, "outputs": 2, **settings}


TWO = {
    "vectors_per_class": [3, 2], "coefficients": [1.0, -2, 0.5, 1, -0.5], "rho": [0.2],
    "classlabels_ints": [7, 3],
}  # fmt: skip


def _machine(**settings):
    return {
        "support_vectors": normal(5, 3).reshape(-1).tolist(), "vectors_per_class": [2, 2, 1], "outputs": 2,
        "coefficients": normal(10).tolist(), "rho": [0.1, -0.2, 0.3], "kernel_type": "RBF",
        "kernel_params": [0.4, 0, 0.0], "classlabels_ints": [4, 2, 9], **settings,
    }  # fmt: skip


def _led_to(node, yes, no=None):
    """Trees of which a node leads elsewhere."""
    settings = _regressor([0] * 5)
    for key, to in (("nodes_truenodeids", yes), ("nodes_falsenodeids", no)):
        if to is not None:
            settings[key] = [to if k == node else item for k, item in enumerate(settings[key])]
    return settings


HOLES = np.where(ROWS > 0, ROWS, np.nan).astype(np.float32)
NUMBERS = np.array([[1, 2], [3, 5]])
THREE = {"coefficients": [0.1, 0.2, 0.3, -1, 1, 0, 0.3, 0.3, 1], "intercepts": [0.1, 0.2, 0]}
VECTORS = {"coefficients": [0.5, -0.3], "support_vectors": [1.0, 2, 3, 0, 1, 0.5], "n_supports": 2}

CASES = [
    ("Scaler", ROWS, {"offset": [1.0, 2, 3], "scale": [0.5, 1, 2]}),
    ("Normalizer", ROWS, {"norm": "MAX"}),
    ("Normalizer", ROWS, {"norm": "L1"}),
    ("Imputer", HOLES, {"imputed_value_floats": [1.0, 2, 3], "replaced_value_float": float("nan")}),
    ("OneHotEncoder", NUMBERS, {"cats_int64s": [1, 2, 3], "zeros": 1}),
    ("LabelEncoder", NUMBERS, {"keys_int64s": [1, 2], "values_floats": [0.5, 0.6], "default_float": -3.0}),
    ("LinearRegressor", ROWS, {"coefficients": [0.1, 0.2, 0.3] * 2, "targets": 2, "intercepts": [1.0, 2]}),
    ("LinearClassifier", ROWS, {**THREE, "outputs": 2, "classlabels_ints": [3, 9, 4],
                                "post_transform": "SOFTMAX_ZERO"}),
    ("LinearClassifier", ROWS, {"coefficients": [1.0, -1, 0.5], "intercepts": [0.1], "outputs": 2,
                                "classlabels_ints": [3, 9], "post_transform": "LOGISTIC"}),
    ("SVMRegressor", ROWS, {**VECTORS, "rho": [0.3], "kernel_type": "RBF", "kernel_params": [0.3, 0, 0.0]}),
    ("SVMRegressor", ROWS, {**VECTORS, "rho": [0.3], "kernel_type": "POLY", "kernel_params": [0.3, 2, 2.0]}),
    ("SVMClassifier", ROWS, _machine()),
    ("SVMClassifier", ROWS, _machine(**TWO)),
    ("TreeEnsembleRegressor", ROWS, _regressor([0, 0, 1, 0, 0], aggregate_function="MIN")),
    ("TreeEnsembleRegressor", ROWS, _regressor([0] * 5, aggregate_function="AVERAGE", base_values=[0.5])),
    ("TreeEnsembleClassifier", ROWS, _classifier([0] * 5, [0.1, 0.2, 0.3, 0.4, 0.5],
                                                 classlabels_int64s=[3, 8])),
    ("TreeEnsembleClassifier", ROWS, _classifier([0] * 5, [-0.1, 0.2, -0.3, 0.4, 0.5], base_values=[0.2],
                                                 classlabels_int64s=[3, 8], post_transform="LOGISTIC")),
    ("TreeEnsembleClassifier", ROWS, _classifier([0, 1, 2, 1, 0], [1.0, 2, 3, 4, 5],
                                                 classlabels_int64s=[3, 8, 5], post_transform="SOFTMAX")),
]  # fmt: skip


@pytest.mark.parametrize(("op", "x", "settings"), CASES)
def test_outputs_are_those_of_onnx_runtime(op, x, settings):
    model, feeds = node_model(op, [x], domain="ai.onnx.ml", opset=3, batch=True, **settings)
    for found, wanted in zip(ours(model, feeds), theirs(model, feeds), strict=True):
        assert found.dtype == wanted.dtype
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [_machine(prob_a=[-1.5, -1, -2], prob_b=[0.3, 0, -0.2]), _machine(**TWO, prob_a=[-1.5], prob_b=[0.3])],
)
def test_probabilities_are_as_near_as_the_iteration_that_they_replace(settings):
    model, feeds = node_model("SVMClassifier", [ROWS], domain="ai.onnx.ml", opset=3, **settings)
    (labels, shares), (wanted_labels, wanted) = ours(model, feeds), theirs(model, feeds)
    np.testing.assert_array_equal(labels, wanted_labels)
    np.testing.assert_allclose(shares, wanted, atol=0.005)  # libsvm stops when slopes are 0.005 / 3
    np.testing.assert_allclose(shares.sum(-1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("op", "settings", "reason"),
    [
        ("ZipMap", {"classlabels_int64s": [0, 1, 2]}, "zipmap"),
        ("LinearClassifier", {**THREE, "outputs": 2, "classlabels_strings": ["a", "b", "c"]}, "texts"),
        ("TreeEnsembleRegressor", _led_to(1, 0), "no trees"),
        ("TreeEnsembleRegressor", _led_to(0, 3), "no trees"),
        ("TreeEnsembleRegressor", _led_to(0, 7), "no node"),
    ],
)
def test_what_is_not_supported_is_said(op, settings, reason):
    model, _ = node_model(op, [ROWS], domain="ai.onnx.ml", opset=3, **settings)
    with pytest.raises(tt.UnsupportedOperatorError, match=reason):
        tt.onnx.load(model)
