"""Callbacks of `tt.fit`: what stops it, saves it, and changes its numbers between epochs.

    stopping = tt.callbacks.EarlyStopping("val_loss", patience=5, restore_best=True)
    saving = tt.callbacks.Checkpoint("digits.npz")
    tt.fit(step, data, epochs=100, validation=(judge, held_out), callbacks=[stopping, saving])

A function of the state is a callback, too: `lambda state: print(state.metrics)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinytorch.callbacks.checkpoint import Checkpoint
from tinytorch.callbacks.plateau import ReduceOnPlateau
from tinytorch.callbacks.protocol import Callback
from tinytorch.callbacks.stopping import EarlyStopping
from tinytorch.guards import guard, missing_from

__all__ = ["Callback", "Checkpoint", "EarlyStopping", "ReduceOnPlateau"]

guard(__name__)

if not TYPE_CHECKING:
    __getattr__ = missing_from(__name__)
