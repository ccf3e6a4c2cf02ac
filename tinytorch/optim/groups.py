"""Groups of parameters, each with its settings, as users give them, checked.

parameters  ::=  [tensor, ...]  |  [{"params": [tensor, ...], setting: value, ...}, ...]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from compiler.errors import ArgumentError
from compiler.ir.node import describe
from compiler.ir.op import Parameter
from tinytorch.tensor import Tensor
from tinytorch.values import checked_number

Rate: TypeAlias = float | Tensor | Callable[[Tensor], Any]
"""A learning rate: a number; a scalar tensor such as an input, so that it can change from call to call; or a
function of the number of steps taken (a float64 scalar), such as a `Schedule`."""


@dataclass(frozen=True)
class Group:
    """Parameters with one learning rate and the other settings of their optimiser (`param_groups`)."""

    parameters: tuple[Tensor, ...]
    settings: Mapping[str, Any]


def groups_of(given: Iterable[Any], defaults: Mapping[str, Any]) -> list[Group]:
    """What an optimiser was given as groups, without frozen parameters. Raises ArgumentError, naming it."""
    items = [given] if isinstance(given, Tensor) else list(given)
    rows = [cast("Mapping[str, Any]", item) for item in items if isinstance(item, Mapping)]
    if rows and len(rows) < len(items):
        raise ArgumentError("parameters are tensors, or groups of them as dicts, not both")
    rows = rows or [{"params": items}]
    found = [_group(row, defaults) for row in rows]
    every = [tensor for group in found for tensor in group.parameters]
    _require(len({item.node.op for item in every}) == len(every), "a parameter is given twice")
    trained = [
        Group(tuple(item for item in group.parameters if item.requires_grad), group.settings)
        for group in found
    ]
    _require(
        any(group.parameters for group in trained) or not every,
        "no parameter has requires_grad: set it before the optimiser is made, which then trains it",
    )
    return trained


def _group(row: Mapping[str, Any], defaults: Mapping[str, Any]) -> Group:
    if "params" not in row:
        raise ArgumentError(
            f"a group names its parameters, and has {', '.join(map(repr, row))}\n"
            '  fix: {"params": layer.parameters(), "lr": 0.1}'
        )
    unknown = [name for name in row if name != "params" and name not in defaults]
    if unknown:
        raise ArgumentError(f"a group has no setting {unknown[0]!r}; there are {', '.join(defaults)}")
    params = row["params"]
    tensors = [params] if isinstance(params, Tensor) else list(cast("Iterable[Any]", params))
    for tensor in tensors:
        _check_parameter(tensor)
    settings = {name: row.get(name, value) for name, value in defaults.items()}
    return Group(tuple(tensors), {name: _checked(name, value) for name, value in settings.items()})


def _checked(name: str, value: Any) -> Any:
    """A setting as it is meant everywhere; one of a stranger's algorithm as it is."""
    return _CHECKS[name](name, value) if name in _CHECKS else value


def _check_parameter(item: Any) -> None:
    if not isinstance(item, Tensor):
        raise ArgumentError(f"an optimiser updates parameters, not {item!r}\n  fix: net.parameters()")
    _require(isinstance(item.node.op, Parameter), f"an optimiser updates parameters: {describe(item.node)}")
    _require(item.dtype.is_float, f"not floating: {describe(item.node)}")


def _rate(_: str, value: Any) -> Rate:
    if isinstance(value, Tensor):
        _require(value.ndim == 0, f"a learning rate is one number: {describe(value.node)}")
        return value
    if callable(value):
        return value
    found = checked_number("lr", value)
    _require(found >= 0, f"a learning rate is not negative: lr={found}")
    return found


def _not_negative(what: str, value: Any) -> float:
    found = checked_number(what, value)
    _require(found >= 0, f"{what} is not negative: {found}")
    return found


def _share(what: str, value: Any) -> float:
    found = checked_number(what, value)
    _require(0 <= found <= 1, f"{what} lies in [0, 1]: {found}")
    return found


def _betas(_: str, value: Any) -> tuple[float, float]:
    first, second = (checked_number("a beta", beta) for beta in value)
    _require(0 <= first < 1 and 0 <= second < 1, f"betas lie in [0, 1): {value}")
    return first, second


def _choice(what: str, value: Any) -> bool:
    _require(isinstance(value, bool), f"{what} is True or False, not {value!r}")
    return value


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise ArgumentError(sentence)


_CHECKS: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "lr": _rate,
    "betas": _betas,
    **dict.fromkeys(("dampening",), checked_number),
    **dict.fromkeys(("alpha", "rho"), _share),
    **dict.fromkeys(
        ("momentum", "weight_decay", "eps", "lr_decay", "initial_accumulator_value", "momentum_decay"),
        _not_negative,
    ),
    **dict.fromkeys(("nesterov", "maximize", "amsgrad", "centered", "decoupled_weight_decay"), _choice),
}
"""By the name of a setting, which means the same in every optimiser that has it."""
