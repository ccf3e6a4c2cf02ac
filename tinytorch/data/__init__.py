"""Batches of data, and the data sets that ship with the package, which are never read from a network."""

from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tinytorch.data.loader import DataLoader
from tinytorch.guards import guard, missing_from

__all__ = ["DataLoader", "load_digits"]

BRIGHTEST = 16  # a pixel counts the set bits of a 4x4 block


def load_digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The 1797 handwritten digits of the UCI optical recognition test set, in their original order.

    Returns:
        images: `float32[1797, 64]`, each row an 8x8 image read row by row, from 0 (paper) to 1 (ink).
        labels: `int64[1797]`, the digit shown, 0 to 9.

    Both are fresh arrays which the caller may write to. The source and its licence are in `ATTRIBUTION.md`
    beside this file.
    """
    with as_file(files(__name__) / "digits.npz") as path, np.load(path, allow_pickle=False) as archive:
        images = archive["images"].astype(np.float32) / np.float32(BRIGHTEST)
        labels = archive["labels"].astype(np.int64)
    return images, labels


guard(__name__)

if not TYPE_CHECKING:
    __getattr__ = missing_from(__name__)
