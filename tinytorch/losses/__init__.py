"""Losses: a scalar of what is predicted and what is wanted, with PyTorch's names, meanings and edge cases.

Every loss has `reduction`: `"mean"` over all elements (or rows), `"sum"`, or `"none"`, which leaves one each.
Shapes that should be equal must be: a prediction that broadcasts to its target is a common silent mistake.
"""

from typing import TYPE_CHECKING

from tinytorch.guards import guard, missing_from
from tinytorch.losses.binary import binary_cross_entropy, binary_cross_entropy_with_logits, soft_margin
from tinytorch.losses.classes import cross_entropy, nll
from tinytorch.losses.common import Reduction
from tinytorch.losses.densities import gaussian_nll, kl_div, poisson_nll
from tinytorch.losses.labels import multi_margin, multilabel_margin, multilabel_soft_margin
from tinytorch.losses.pairs import cosine_embedding, hinge_embedding, margin_ranking, triplet_margin
from tinytorch.losses.regression import huber, l1, mse, smooth_l1

__all__ = [
    "Reduction", "mse", "l1", "huber", "smooth_l1", "cross_entropy", "nll", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "soft_margin", "kl_div", "poisson_nll", "gaussian_nll",
    "multi_margin", "multilabel_margin", "multilabel_soft_margin", "hinge_embedding", "margin_ranking",
    "cosine_embedding", "triplet_margin",
]  # fmt: skip
guard(__name__)

if not TYPE_CHECKING:
    __getattr__ = missing_from(__name__)
