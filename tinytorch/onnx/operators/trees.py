"""Ensembles of trees (ai.onnx.ml), as scikit-learn's forests and boosted trees are exported."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tinytorch.onnx.calling.operator import Call, operator
from tinytorch.onnx.operators.forests import MEMBER, Lists, Trees, of_targets, trees_of, with_members
from tinytorch.onnx.operators.linear import labelled, transformed
from tinytorch.ops.layout import concatenate
from tinytorch.tensor import Tensor

_DOMAIN: Final = "ai.onnx.ml"
_TRANSFORMS: Final = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")


@operator("TreeEnsemble", since=5, domain=_DOMAIN)
def tree_ensemble(
    x: Tensor, *, nodes_splits: Any, nodes_featureids: Any, nodes_modes: Any, nodes_truenodeids: Any,
    nodes_falsenodeids: Any, nodes_trueleafs: Any, nodes_falseleafs: Any, leaf_targetids: Any,
    leaf_weights: Any, tree_roots: Any, post_transform: int = 0, aggregate_function: int = 1,
    n_targets: int | None = None, nodes_hitrates: Any = None, nodes_missing_value_tracks_true: Any = None,
    membership_values: Any = None,
) -> Tensor:  # fmt: skip
    """What the leaves that a row comes to have for each target, added up or otherwise put together."""
    count = len(nodes_splits)
    yes = np.asarray(nodes_truenodeids) + count * np.asarray(nodes_trueleafs)
    no = np.asarray(nodes_falsenodeids) + count * np.asarray(nodes_falseleafs)
    leaves = np.arange(len(leaf_weights))
    targets = int(n_targets or 1 + max(leaf_targetids))
    values, has_value = of_targets(count + len(leaves), targets, count + leaves, leaf_targetids, leaf_weights)
    rest = np.zeros(len(leaves))
    tracks = np.zeros(count) if nodes_missing_value_tracks_true is None else nodes_missing_value_tracks_true
    trees = Trees(
        np.concatenate([nodes_featureids, rest]).astype(np.int64),
        np.concatenate([nodes_splits, rest]),
        np.concatenate([nodes_modes, rest]).astype(np.int64),
        np.concatenate([yes, count + leaves]).astype(np.int64),
        np.concatenate([no, count + leaves]).astype(np.int64),
        np.concatenate([tracks, rest]).astype(bool),
        np.asarray(tree_roots, np.int64),
        values,
        has_value,
    )
    if (trees.modes == MEMBER).any():
        trees = with_members(trees, () if membership_values is None else membership_values)
    found = trees.summed(x, ("AVERAGE", "SUM", "MIN", "MAX")[aggregate_function])
    return transformed(found, _TRANSFORMS[post_transform])


@operator("TreeEnsembleRegressor", since=1, domain=_DOMAIN)
def tree_ensemble_regressor(
    x: Tensor, *, post_transform: str, target_ids: Any, target_nodeids: Any, target_treeids: Any,
    aggregate_function: str = "SUM", n_targets: int | None = None, target_weights: Any = None,
    target_weights_as_tensor: Any = None, base_values: Any = None, base_values_as_tensor: Any = None,
    nodes_treeids: Any, nodes_nodeids: Any, nodes_featureids: Any, nodes_modes: Any, nodes_truenodeids: Any,
    nodes_falsenodeids: Any, nodes_values: Any = None, nodes_values_as_tensor: Any = None,
    nodes_hitrates: Any = None, nodes_hitrates_as_tensor: Any = None,
    nodes_missing_value_tracks_true: Any = None,
) -> Tensor:  # fmt: skip
    """The values of the leaves that a row comes to, put together, plus base values."""
    weights = target_weights if target_weights_as_tensor is None else target_weights_as_tensor
    base = base_values if base_values_as_tensor is None else base_values_as_tensor
    targets = int(n_targets or 1 + max(target_ids))
    splits = nodes_values if nodes_values_as_tensor is None else nodes_values_as_tensor
    lists = Lists(
        nodes_treeids, nodes_nodeids, nodes_featureids, nodes_modes, nodes_truenodeids, nodes_falsenodeids,
        splits, nodes_missing_value_tracks_true,
    )  # fmt: skip
    of = list(zip(target_treeids, target_nodeids, strict=True))
    trees = trees_of(lists, targets, of, target_ids, weights)
    found = trees.summed(x, aggregate_function)
    found = found if base is None else found + np.asarray(base, found.dtype.numpy)
    return transformed(found, post_transform).astype("float32")


@operator("TreeEnsembleClassifier", since=1, domain=_DOMAIN, limits="Labels are numbers.")
def tree_ensemble_classifier(
    x: Tensor, *, post_transform: str, class_ids: Any, class_nodeids: Any, class_treeids: Any,
    class_weights: Any = None, class_weights_as_tensor: Any = None, classlabels_int64s: Any = None,
    classlabels_strings: Any = None, base_values: Any = None, base_values_as_tensor: Any = None,
    nodes_treeids: Any, nodes_nodeids: Any, nodes_featureids: Any, nodes_modes: Any, nodes_truenodeids: Any,
    nodes_falsenodeids: Any, nodes_values: Any = None, nodes_values_as_tensor: Any = None,
    nodes_hitrates: Any = None, nodes_hitrates_as_tensor: Any = None,
    nodes_missing_value_tracks_true: Any = None, call: Call,
) -> Any:  # fmt: skip
    """The label of the largest score, and the scores: the weights of the leaves that a row comes to.

    Two classes of which all leaves have one are told by that score: it is above 1/2 for the second if all
    weights are positive, as shares of votes are, else above 0, as logits are.
    """
    weights = np.asarray(class_weights if class_weights_as_tensor is None else class_weights_as_tensor)
    base = base_values if base_values_as_tensor is None else base_values_as_tensor
    count = len(classlabels_int64s or classlabels_strings or ())
    is_binary = count == 2 and set(class_ids) == {0}
    columns = 1 if is_binary else count
    splits = nodes_values if nodes_values_as_tensor is None else nodes_values_as_tensor
    lists = Lists(
        nodes_treeids, nodes_nodeids, nodes_featureids, nodes_modes, nodes_truenodeids, nodes_falsenodeids,
        splits, nodes_missing_value_tracks_true,
    )  # fmt: skip
    of = list(zip(class_treeids, class_nodeids, strict=True))
    trees = trees_of(lists, columns, of, class_ids, weights)
    scores = trees.summed(x, "SUM")
    if base is not None:
        scores = scores + np.asarray(base, scores.dtype.numpy)[-columns:]
    if not is_binary:
        place, found = scores.argmax(-1), transformed(scores, post_transform)
    else:
        is_share = bool((weights >= 0).all())
        place = (scores[:, 0] > (0.5 if is_share else 0.0)).astype("int64")
        is_logistic = post_transform == "LOGISTIC"
        first = 1 - scores if is_share and not is_logistic else -scores
        both = concatenate([first, scores], -1)
        found = transformed(both, post_transform) if is_logistic else both
    return labelled(place, classlabels_int64s, classlabels_strings, call), found.astype("float32")
