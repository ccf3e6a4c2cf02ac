"""The functions of PyTorch that have a name of ours, for the table of every op; running this writes them."""

from __future__ import annotations

from importlib import import_module

import tinytorch as tt
from tests.documentation.pages import DOCS

ROOMS = ("torch", "torch.nn.functional", "torch.special", "torch.linalg")
PLACE = DOCS / "building" / "torch_names.txt"


def names() -> list[str]:
    """Each under the first of the modules that have it."""
    import torch

    found: dict[str, str] = {}
    for room in ROOMS:
        module = import_module(room)
        for name in tt.__all__:
            if callable(getattr(module, name, None)) and name not in ("compile", "save", "load"):
                found.setdefault(name, f"{room}.{name}")
    linear = [f"torch.linalg.{name}" for name in tt.linalg.__all__ if hasattr(torch.linalg, name)]
    return sorted({*found.values(), *linear})


if __name__ == "__main__":
    PLACE.write_text("\n".join(names()) + "\n")
