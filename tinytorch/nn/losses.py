"""Losses as layers, under PyTorch's names: a function of `tt.losses` each, with its settings.

criterion = tt.nn.CrossEntropyLoss(label_smoothing=0.1)
loss = criterion(net(x), labels)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final

from tinytorch import losses
from tinytorch.nn.stateless import Stateless


class Loss(Stateless):
    """A loss as a layer: called with what is predicted and what is wanted, it is its function of `tt.losses`.

    Settings are those of the function, by keyword or in its order.
    """


def _layer(name: str, function: Callable[..., Any]) -> type[Loss]:
    """The layer of a function, whose settings are all that has a default."""
    signature = inspect.signature(function)
    settings = [item for item in signature.parameters.values() if item.default is not item.empty]
    operands = [item.name for item in signature.parameters.values() if item.default is item.empty]

    def start(self: Loss, *given: Any, **named: Any) -> None:
        Loss.__init__(self, *given, **named)

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    itself = inspect.Parameter("self", kind)
    vars(start)["__signature__"] = inspect.Signature(
        [itself, *(item.replace(kind=kind) for item in settings)]
    )
    meaning = (function.__doc__ or "").partition("\n")[0]
    return type(Loss)(
        name,
        (Loss,),
        {
            "__module__": __name__,
            "__doc__": f"{meaning}\n\n`tt.losses.{function.__name__}` of ({', '.join(operands)}).",
            "__init__": start,
            "function": staticmethod(function),
            "takes": tuple(item.name for item in settings),
        },
    )


MSELoss: Final = _layer("MSELoss", losses.mse)
L1Loss: Final = _layer("L1Loss", losses.l1)
HuberLoss: Final = _layer("HuberLoss", losses.huber)
SmoothL1Loss: Final = _layer("SmoothL1Loss", losses.smooth_l1)
CrossEntropyLoss: Final = _layer("CrossEntropyLoss", losses.cross_entropy)
NLLLoss: Final = _layer("NLLLoss", losses.nll)
BCELoss: Final = _layer("BCELoss", losses.binary_cross_entropy)
BCEWithLogitsLoss: Final = _layer("BCEWithLogitsLoss", losses.binary_cross_entropy_with_logits)
SoftMarginLoss: Final = _layer("SoftMarginLoss", losses.soft_margin)
KLDivLoss: Final = _layer("KLDivLoss", losses.kl_div)
PoissonNLLLoss: Final = _layer("PoissonNLLLoss", losses.poisson_nll)
GaussianNLLLoss: Final = _layer("GaussianNLLLoss", losses.gaussian_nll)
MultiMarginLoss: Final = _layer("MultiMarginLoss", losses.multi_margin)
MultiLabelMarginLoss: Final = _layer("MultiLabelMarginLoss", losses.multilabel_margin)
MultiLabelSoftMarginLoss: Final = _layer("MultiLabelSoftMarginLoss", losses.multilabel_soft_margin)
HingeEmbeddingLoss: Final = _layer("HingeEmbeddingLoss", losses.hinge_embedding)
MarginRankingLoss: Final = _layer("MarginRankingLoss", losses.margin_ranking)
CosineEmbeddingLoss: Final = _layer("CosineEmbeddingLoss", losses.cosine_embedding)
TripletMarginLoss: Final = _layer("TripletMarginLoss", losses.triplet_margin)
