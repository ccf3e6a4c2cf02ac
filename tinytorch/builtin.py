"""The built-in plugin: every pass, backend and renderer in one visible list, like a stranger's."""

from __future__ import annotations

from functools import cache
from typing import Any, Final, cast

from compiler.backends.c.backend import C
from compiler.backends.contract import Backend
from compiler.backends.llvm.backend import Llvm
from compiler.backends.numpy.backend import NumPy
from compiler.backends.reference import Reference
from compiler.errors import PluginError
from compiler.pipeline.contract import Pass, is_pass
from compiler.plugins import Plugin, Registry
from compiler.render.renderers import RENDERERS
from passes import FREEZING, SCHEDULING
from tinytorch.ops import activations as act
from tinytorch.ops import elementwise as op
from tinytorch.ops import functions as fun

OPS: Final = (
    op.add, op.subtract, op.multiply, op.divide, op.negative, op.square, op.reciprocal, op.zmul,
    op.equal, op.not_equal, op.less, op.less_equal, op.greater, op.greater_equal, op.logical_and,
    op.logical_or, op.logical_xor, op.logical_not, op.bitwise_left_shift,
    op.bitwise_right_shift, op.isnan, op.isinf, op.isfinite, op.where, op.abs,
    op.sign, op.floor, op.ceil, op.round, op.maximum, op.minimum, op.stop_gradient, op.sqrt, op.rsqrt,
    op.exp, op.expm1, op.log, op.log1p, op.sin, op.cos, op.tanh, op.erf, op.erfc, op.exact_softplus,
    fun.exp2, fun.log2, fun.log10, fun.cbrt, fun.hypot, fun.asin, fun.acos, fun.atan, fun.atan2,
    fun.sinh, fun.cosh, fun.asinh, fun.acosh, fun.atanh, fun.copysign, fun.logaddexp, fun.xlogy, fun.tan,
    fun.lgamma, fun.digamma, op.erfinv,
    fun.trunc, fun.fmod, fun.remainder, fun.floor_divide, fun.sinc, fun.lerp, act.sigmoid,
    act.log_sigmoid, act.softplus, act.relu, act.leaky_relu, act.elu, act.selu, act.celu, act.silu,
    act.mish, act.softsign, act.hard_sigmoid, act.hard_swish, *act.GELU_FORMS.values(), act.relu6,
    act.hardtanh, act.hard_shrink, act.soft_shrink, act.threshold, act.tanh_shrink,
)  # fmt: skip
"""The scalar ops, one formula each. What reduces, contracts or moves is a function in `tinytorch.ops`."""

BUILTIN: Final = Plugin(
    "tinytorch",
    ops=OPS,
    passes=(*FREEZING, *SCHEDULING),
    backends=(Llvm(), C(), NumPy(), Reference()),
    renderers=RENDERERS,
)
"""Everything that comes with tinytorch."""

REGISTRY: Final = Registry.of(BUILTIN)
"""The registry without strangers; `registry()` is the one with them."""


@cache
def registry() -> Registry:
    """The built-ins and the plugins of installed distributions, read when first asked."""
    return REGISTRY.with_discovered()


def find(kind: str, name: str) -> Any:
    """A contribution by name; strangers are read only where no built-in has the name. Raises PluginError."""
    return REGISTRY.find(kind, name) if REGISTRY.has(kind, name) else registry().find(kind, name)


def find_pass(item: str | Pass) -> Pass:
    """A pass by name, or the pass itself."""
    if isinstance(item, str):
        return find("passes", item)
    if not is_pass(item):
        raise PluginError(f"{item!r} is no pass: it has neither `rewrite` nor `schedule`")
    return item


def find_backend(item: str | Backend | None) -> Backend:
    """A backend by name, the backend itself, or the default."""
    if item is None:
        return default_backend()
    if isinstance(item, str):
        return find("backends", item)
    if not isinstance(cast(object, item), Backend):
        raise PluginError(f"{item!r} is no backend: it has no `build`, or no `target`")
    return item


def default_backend() -> Backend:
    """The native backend where it runs, else NumPy's."""
    native: Llvm = REGISTRY.find("backends", "llvm")
    return native if native.is_available else REGISTRY.find("backends", "numpy")
