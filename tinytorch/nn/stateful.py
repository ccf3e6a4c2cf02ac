"""What a network carries from call to call: weights and buffers, their mode, and files that keep them."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, TypeAlias, cast

import numpy as np

from compiler.errors import ArgumentError, DTypeError, StateError
from compiler.ir.op import Parameter, Role
from tinytorch.api import set_value, value_of
from tinytorch.array_files import is_torch_file, read_arrays, write_arrays
from tinytorch.nn.parts import Found, Whole, join
from tinytorch.tensor import Tensor
from tinytorch.values import checked_array

Array: TypeAlias = "np.ndarray[Any, Any]"
Layout: TypeAlias = Literal["tinytorch", "torch"]
"""How arrays lie in a dict, and what their keys are."""


class Fit(NamedTuple):
    """What did not fit when a state was loaded: keys of the network, and keys of the dict."""

    missing: list[str]
    unexpected: list[str]


class Stateful(Whole):
    """The half of `Module` that knows weights and buffers."""

    training: bool = True
    """Whether layers do as in training, when they are called. `train` and `eval` set it."""

    # Modes

    def train(self, mode: bool = True) -> Self:
        """Puts this module and every one in it in training, or, with False, in evaluation. Returns it.

        Graphs are static: the mode is read when a layer is called, and stays in the programs made from what
        it returned. So `net.eval()` comes before the `net(x)` of a program that predicts.
        """
        for module in (self, *(item.part for item in self._settled() if isinstance(item.part, Stateful))):
            module.training = bool(mode)
        return self

    def eval(self) -> Self:
        """Puts this module and every one in it in evaluation: `train(False)`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Sets `requires_grad` of every parameter: optimisers made later leave frozen ones as they are."""
        for tensor in self.parameters():
            tensor.requires_grad = requires_grad
        return self

    # Parts

    def parameters(self) -> list[Tensor]:
        """Every parameter once, in the order in which the parts were set; the same tensors each time."""
        return [tensor for _, tensor in self.named_parameters()]

    def named_parameters(self) -> list[tuple[str, Tensor]]:
        """Every parameter once with its path in this module, as `blocks.0.weight`. Buffers are none.

        Raises NameClashError where two have one path or one name.
        """
        return [(path, tensor) for path, tensor in self._tensors() if _role(tensor).is_weight]

    def buffers(self) -> list[Tensor]:
        """Every buffer once: what is kept from call to call and is no weight."""
        return [tensor for _, tensor in self.named_buffers()]

    def named_buffers(self) -> list[tuple[str, Tensor]]:
        """Every buffer once with its path in this module, as `norm.running_mean`."""
        return [(path, tensor) for path, tensor in self._tensors() if not _role(tensor).is_weight]

    # States

    def state_dict(self, *, layout: Layout = "tinytorch") -> dict[str, Array]:
        """Copies of all weights and persistent buffers, under their paths.

        With the layout "torch" keys and arrays are those of the same network in PyTorch: positions in a
        Sequential, and weights of Dense as `[outputs, inputs]`; a shared part is there under each of its
        paths.
        """
        _check_layout(layout)
        found = {slot.key: slot.given(value_of(slot.tensor)) for slot in self._slots(layout)}
        if layout == "torch":
            for alias, own in self._aliases(layout).items():
                inside = [key for key in found if key == own or key.startswith(f"{own}.")]
                found |= {alias + key.removeprefix(own): found[key] for key in inside}
        return found

    def load_state_dict(
        self, state: Mapping[str, Any], strict: bool = True, *, layout: Layout | None = None
    ) -> Fit:
        """Writes the arrays of a dict to the weights and buffers that their keys name.

        Without a layout, a dict that holds PyTorch's tensors is read as PyTorch's. All is checked first:
        StateError names every key that is missing or unexpected (unless not `strict`) and every array of
        another shape or kind of dtype, and nothing is written. A key of a shared part may stand under each
        of its paths. Returns what was missing and unexpected.
        """
        if not isinstance(cast(object, state), Mapping):
            raise ArgumentError(f"a state is a dict of arrays by path, not {state!r}")
        arrays = {str(key): _array_of(str(key), value) for key, value in state.items()}
        if layout is None:
            layout = "torch" if any(map(_is_torch, state.values())) else "tinytorch"
        _check_layout(layout)
        slots = {slot.key: slot for slot in self._slots(layout)}
        _join_aliases(arrays, slots, self._aliases(layout))
        fit = Fit([key for key in slots if key not in arrays], [key for key in arrays if key not in slots])
        wrong = [_misfit(slots[key], array) for key, array in arrays.items() if key in slots]
        other: Layout = "tinytorch" if layout == "torch" else "torch"
        is_other = {*fit.unexpected} == {slot.key for slot in self._slots(other)}
        fix = f"load_state_dict(state, layout={other!r})" if is_other else "strict=False, if that is meant"
        _raise_misfits(self, fit if strict else Fit([], []), [text for text in wrong if text], fix)
        for key, array in arrays.items():
            if key in slots:
                set_value(slots[key].tensor, slots[key].taken(array))
        return fit

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes `state_dict()` to a `.npz` or `.safetensors` file, whole or not at all. Returns the path."""
        return write_arrays(path, self.state_dict())

    def load(self, path: str | os.PathLike[str], strict: bool = True) -> Fit:
        """Reads what `save` wrote, as `load_state_dict` does, or what PyTorch saved as `.pt` or `.pth`.

        PyTorch's files are read by it, where it is installed, with `weights_only`: nothing in them is
        executed, and their keys are those of its layout. Raises ParseError for a file that is damaged or
        holds anything but tensors, MissingLibraryError without the library that a form needs.
        """
        arrays, _ = read_arrays(path)
        layout: Layout = "torch" if is_torch_file(path) else "tinytorch"
        return self.load_state_dict(arrays, strict, layout=layout)

    @abstractmethod
    def _settled(self) -> Sequence[Found]:
        """Every part, once, when each has the name of its place."""

    def _tensors(self) -> list[tuple[str, Tensor]]:
        return [(item.path, item.part) for item in self._settled() if isinstance(item.part, Tensor)]

    def _slots(self, layout: Layout) -> list[_Slot]:
        """Where each saved array goes, in order."""
        found, paths = list[_Slot](), self._paths(layout)
        for item in self._settled():
            if isinstance(item.part, Tensor) and _role(item.part) is not Role.TRANSIENT:
                key = join(paths[id(item.owner)], _key(item.owner, item.key, layout))
                axes = item.owner.torch_axes.get(item.key) if layout == "torch" else None
                found.append(_Slot(key, item.part, axes))
        return found

    def _paths(self, layout: Layout) -> dict[int, str]:
        """The path of every module, by identity."""
        paths = {id(self): ""}
        for item in self._settled():
            if isinstance(item.part, Stateful):
                own = item.path if layout == "tinytorch" else None
                paths[id(item.part)] = own or join(paths[id(item.owner)], item.owner.torch_key(item.key))
        return paths

    def _aliases(self, layout: Layout) -> dict[str, str]:
        """Further paths of parts that stand in several places, each with the one they are found under."""
        paths, found = self._paths(layout), dict[str, str]()
        first = {_identity(item.part): item for item in self._settled()}
        for module in (self, *(item.part for item in first.values() if isinstance(item.part, Stateful))):
            for key, part in module.parts():
                item = first.get(_identity(part))
                if item is not None and (item.owner is not module or item.key != key):
                    own = join(paths[id(item.owner)], _key(item.owner, item.key, layout))
                    found[join(paths[id(module)], _key(module, key, layout))] = own
        return found


class _Slot(NamedTuple):
    """One saved array: its key, the tensor, and its axes where they lie in another order outside."""

    key: str
    tensor: Tensor
    axes: tuple[int, ...] | None

    def given(self, array: Array) -> Array:
        return array if self.axes is None else np.ascontiguousarray(array.transpose(self.axes))

    def taken(self, array: Array) -> Array:
        return array if self.axes is None else array.transpose(np.argsort(self.axes))


def _role(tensor: Tensor) -> Role:
    assert isinstance(tensor.node.op, Parameter)
    return tensor.node.op.buffer.role


def _identity(part: Any) -> Any:
    return part.node.op if isinstance(part, Tensor) else id(part)


def _key(owner: Any, key: str, layout: Layout) -> str:
    return owner.torch_key(key) if layout == "torch" else key


def _is_torch(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "torch"


def _array_of(key: str, value: Any) -> Array:
    """An array, of PyTorch's tensors too, whose bfloat16 NumPy knows not. Raises StateError."""
    if _is_torch(value):
        value = value.detach().cpu()
        value = (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
    try:
        return checked_array(value)
    except DTypeError as error:
        raise StateError(f"{key} cannot be loaded: {error}") from None


def _check_layout(layout: Any) -> None:
    if layout not in ("tinytorch", "torch"):
        raise ArgumentError(f"a layout is 'tinytorch' or 'torch', not {layout!r}")


def _join_aliases(arrays: dict[str, Array], slots: Mapping[str, _Slot], aliases: Mapping[str, str]) -> None:
    """Moves what stands under a further path of a shared part to the one that the network has for it."""
    for key in [key for key in arrays if key not in slots]:
        for alias, own in aliases.items():
            rest = key.removeprefix(alias)
            if rest == key or not (rest == "" or rest.startswith(".")) or own + rest not in slots:
                continue
            array = arrays.pop(key)
            if not np.array_equal(arrays.setdefault(own + rest, array), array, equal_nan=_is_float(array)):
                raise StateError(f"{own + rest} and {key} are one tensor here, and differ in what is loaded")
            break


def _is_float(array: Array) -> bool:
    return array.dtype.kind == "f"


def _misfit(slot: _Slot, array: Array) -> str:
    """What is wrong with an array for its place, or nothing."""
    kind = slot.tensor.type
    outside = kind.shape if slot.axes is None else tuple(kind.shape[k] for k in slot.axes)
    if array.shape != outside:
        turned = array.ndim == 2 and array.shape[::-1] == outside  # the axes of a matrix
        hint = "; its transpose fits: load_state_dict(state, layout='torch')" if turned else ""
        return f"{slot.key} is {list(outside)}, and was given {list(array.shape)}{hint}"
    if not np.can_cast(array.dtype, kind.dtype.numpy, "same_kind"):
        return f"{slot.key} is {kind.dtype}, and was given {array.dtype}"
    return ""


def _raise_misfits(module: Any, fit: Fit, wrong: Sequence[str], fix: str) -> None:
    lines = [
        *wrong,
        *(f"{key} is missing" for key in fit.missing),
        *(f"{key} is no part of the network" for key in fit.unexpected),
    ]
    if lines:
        advice = [f"fix: {fix}"] if len(lines) > len(wrong) else []
        raise StateError("\n  ".join([f"what is loaded does not fit {module!r}:", *lines, *advice]))
