"""Optimisers as graph updates: from a loss to the next value of every parameter and of every piece of state.

    step = tt.compile([x, labels], loss, updates=tt.optim.Adam(net.parameters(), lr=1e-3).updates(loss))

Formulas are those of torch.optim. State (moments, step counter) is made of parameters, so it lasts between
calls and is updated with the same all-or-nothing rule. Each `updates` belongs to the state of its optimiser.
A learning rate may follow the optimiser's own count of steps: `lr=1e-3 * tt.optim.schedules.cosine(1000)`.
"""

from typing import TYPE_CHECKING

from tinytorch.guards import guard, missing_from
from tinytorch.optim import schedules as schedules
from tinytorch.optim.accumulating import Accumulated
from tinytorch.optim.adaptive import Adadelta, Adagrad, RMSprop
from tinytorch.optim.algorithm import Algorithm, Move, Turn
from tinytorch.optim.averaging import Average
from tinytorch.optim.clipping import clip_grad_norm, clip_grad_value, grad_norm
from tinytorch.optim.descent import SGD, Lion
from tinytorch.optim.groups import Group, Rate
from tinytorch.optim.moments import Adam, Adamax, AdamW, NAdam, RAdam
from tinytorch.optim.optimiser import Optimiser, Updates
from tinytorch.optim.plateau import Plateau
from tinytorch.optim.schedules import Schedule

__all__ = [
    "SGD", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adadelta", "Lion",
    "Schedule", "Plateau", "Accumulated", "Average",
    "clip_grad_norm", "clip_grad_value", "grad_norm",
    "Optimiser", "Algorithm", "Move", "Turn", "Group", "Rate", "Updates",
]  # fmt: skip
guard(__name__)

if not TYPE_CHECKING:
    __getattr__ = missing_from(__name__)
