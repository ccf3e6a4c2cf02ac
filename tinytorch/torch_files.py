"""PyTorch, where it is installed: its files of weights, and itself for `tt.from_torch`.

A `.pt` or `.pth` file is a pickle in a zip archive. PyTorch reads it with `weights_only`, which makes tensors
and containers of them and calls nothing else; nothing is ever unpickled here.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from compiler.errors import MissingLibraryError, ParseError
from compiler.ir.bfloat16 import bfloat16

SUFFIXES: Final = (".pt", ".pth")

_SHOWN: Final = 3
_LONGEST: Final = 200
_FIX: Final = "torch.save(module.state_dict(), path)"


def torch_library(wanted: str) -> Any:
    """PyTorch. Raises MissingLibraryError where it is not installed, which says what wanted it."""
    try:
        return import_module("torch")
    except ModuleNotFoundError:
        raise MissingLibraryError(
            f"{wanted} needs PyTorch, which is not installed\n"
            "  fix: pip install torch --index-url https://download.pytorch.org/whl/cpu"
        ) from None


def read_torch(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of a state dict that `torch.save` wrote, by name.

    Raises ParseError for a file that is damaged, or that holds anything but tensors by name: a module that
    was saved whole would be executed to be read, and a checkpoint holds more than one dict.
    """
    torch = torch_library(f"a file like {path.name!r}")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # PyTorch's own reader raises whatever a damaged file makes it
        said = str(error).partition("\n")[0][:_LONGEST]
        raise ParseError(
            f"{path} is damaged, or holds more than tensors, which PyTorch refuses in what anybody may have "
            f"made: {said}\n  fix: {_FIX}"
        ) from error
    if not isinstance(found, Mapping):
        raise ParseError(f"{path} holds {_kind(found)}, not tensors by name\n  fix: {_FIX}")
    items = cast("Mapping[Any, Any]", found)
    strange = [key for key, item in items.items() if not (isinstance(key, str) and _is_plain(torch, item))]
    if strange:
        few = ", ".join(f"{key!r} ({_kind(items[key])})" for key in strange[:_SHOWN])
        raise ParseError(f"{path} holds what is no array: {few}\n  fix: {_advice(torch, items)}")
    return {key: array_of_torch(torch, item) for key, item in items.items()}


def _advice(torch: Any, items: Mapping[Any, Any]) -> str:
    """What to do with a file of more than one dict: the one that is all of tensors is named."""
    for key, item in items.items():
        held = list(cast("Mapping[Any, Any]", item).values()) if isinstance(item, Mapping) else []
        if held and all(_is_plain(torch, value) for value in held):
            return f"state = torch.load(path, weights_only=True)[{key!r}]; module.load_state_dict(state)"
    return _FIX


def _is_plain(torch: Any, item: Any) -> bool:
    """Whether an item is a tensor that an array can be: neither sparse, nor quantised, nor without data."""
    return isinstance(item, torch.Tensor) and item.layout == torch.strided and not item.is_quantized


def array_of_torch(torch: Any, tensor: Any) -> np.ndarray[Any, Any]:
    """A copy of a tensor, of whatever device, as an array of its own dtype."""
    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(bfloat16()).copy()
    return tensor.numpy().copy()


def _kind(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
