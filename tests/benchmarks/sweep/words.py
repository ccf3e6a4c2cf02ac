"""The systems, and the words that a workload may say to each: NumPy's, with `softmax` and the like.

A system turns a workload and its arguments into a step that can be called, warm and again. What a system has
no word for is left out of its race (`MissingWordError`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Final

import numpy as np

from tests.benchmarks.sweep import engines, imaging
from tests.benchmarks.sweep.workload import Workload

Step = Callable[[], Any]


class MissingWordError(Exception):
    """A system cannot say what a workload says."""


class Words:
    """A library, with words of our own where it calls things differently."""

    def __init__(self, library: ModuleType, **own: Any) -> None:
        self.library, self.own = library, own

    def __getattr__(self, name: str) -> Any:
        if name in self.own:
            return self.own[name]
        if not hasattr(self.library, name):
            raise MissingWordError(f"{self.library.__name__} has no {name}")
        return getattr(self.library, name)


def as_list(result: Any) -> list[Any]:
    """A value, or values, as a list."""
    return list(result) if isinstance(result, list | tuple) else [result]


def ours(workload: Workload, arrays: Sequence[Any], threads: int = 0) -> Step:
    """A program, called as the workload says."""
    import tinytorch as tt  # each process loads one system

    if threads:
        tt.set_num_threads(threads)
    if workload.is_compiling:
        return functools.partial(_compiled_by_us, tt, workload, arrays[0])
    program = program_of(workload, arrays)
    arrays = given_of(workload, arrays)
    match workload.way:
        case "named":
            named = dict(zip(_names(arrays), arrays, strict=True))
            return lambda: program(**named)
        case "out":
            first = program(*arrays)
            out = [np.empty_like(each) for each in as_list(first)]
            given = out if isinstance(first, list | tuple) else out[0]
            return lambda: program(*arrays, out=given)
        case _:
            return lambda: program(*arrays)


def program_of(workload: Workload, arrays: Sequence[Any]) -> Any:
    """Our program of a workload, for arrays like these."""
    import tinytorch as tt

    shapes, names = [array.shape for array in arrays], _names(arrays)
    if workload.is_symbolic:
        shapes[0] = ("batch", *shapes[0][1:])
    inputs = [
        tt.input(name, shape, array.dtype.name)
        for name, shape, array in zip(names, shapes, arrays, strict=True)
    ]
    if workload.has_weights:
        weights = [tt.parameter(array, name) for name, array in zip(names[1:], arrays[1:], strict=True)]
        return tt.compile(inputs[:1], workload.body(tt, inputs[0], *weights), freeze=True)
    donate = names[:1] if workload.way == "donated" else ()
    return tt.compile(inputs, workload.body(_words_of_ours(tt), *inputs), donate=donate)


def given_of(workload: Workload, arrays: Sequence[Any]) -> Sequence[Any]:
    """What a call of our program is given: weights it has."""
    return arrays[:1] if workload.has_weights else arrays


def _names(arrays: Sequence[Any]) -> list[str]:
    return [f"x{number}" for number in range(len(arrays))]


def _words_of_ours(tt: ModuleType) -> Words:
    def value_and_grad(function: Callable[..., Any], *by: Any) -> tuple[Any, list[Any]]:
        loss = function(*by)
        return loss, list(tt.grad(loss, list(by)))

    return Words(
        tt,
        value_and_grad=value_and_grad, permute=tt.transpose, var=functools.partial(tt.var, correction=0),
        gelu_tanh=functools.partial(tt.gelu, approximate="tanh"), cast=lambda x, dtype: x.astype(dtype),
        uniform=tt.random.uniform, normal=tt.random.normal, exponential=tt.random.exponential,
        bernoulli=tt.random.bernoulli,
        sort_descending=lambda x: tt.sort(x, descending=True), topk=lambda x, k: tt.topk(x, k)[0],
        median=lambda x: tt.median(x, -1), quantile=lambda x, q: tt.quantile(x, q, -1),
        randint=lambda seed, most, shape: tt.random.randint(seed, shape, 0, most, "int32"),
        at=lambda x, key, how, values: getattr(x.at[key], how)(values),
        causal_attention=functools.partial(tt.scaled_dot_product_attention, is_causal=True),
        bag_means=tt.embedding_bag,
    )  # fmt: skip


def _compiled_by_us(tt: ModuleType, workload: Workload, seeds: np.ndarray) -> Any:
    x, program = workload.body(_words_of_ours(tt), seeds)
    inputs = [tt.input("x", x.shape)]
    return tt.compile(inputs, program(inputs[0]))(x)


def numpy(workload: Workload, arrays: Sequence[Any]) -> Step:
    """NumPy by hand; it has an error function where SciPy is installed."""

    def softmax(x: Any, axis: int = -1) -> Any:
        e = np.exp(x - x.max(axis, keepdims=True))
        return e / e.sum(axis, keepdims=True)

    def log_softmax(x: Any, axis: int = -1) -> Any:
        y = x - x.max(axis, keepdims=True)
        return y - np.log(np.exp(y).sum(axis, keepdims=True))

    words = Words(
        np,
        softmax=softmax, log_softmax=log_softmax, permute=np.transpose, **_of_scipy(),
        sigmoid=lambda x: 1 / (1 + np.exp(-x)), relu=lambda x: np.maximum(x, 0),
        cast=lambda x, dtype: x.astype(np.dtype(dtype)), pad=lambda x, widths: np.pad(x, widths),
        **_draws_of_numpy(), **imaging.words_of_numpy(),
        sort_descending=lambda x: np.sort(x)[..., ::-1],
        topk=lambda x, k: np.sort(np.partition(x, -k)[..., -k:])[..., ::-1], median=_lower_median,
        quantile=lambda x, q: np.quantile(x, q, axis=-1),
        at=_at_of_numpy, causal_attention=functools.partial(_attention, np, softmax),
        bag_means=lambda words, table: table[words].mean(1),
    )  # fmt: skip
    if workload.is_compiling:
        raise MissingWordError("NumPy compiles nothing")
    return lambda: [np.ascontiguousarray(each) for each in as_list(workload.body(words, *arrays))]


def _attention(library: Any, softmax: Callable[..., Any], q: Any, k: Any, v: Any) -> Any:
    """Causal attention where a library has no word for it that takes `[batch, heads, positions, width]`."""
    scores = (q @ k.swapaxes(-1, -2)) * q.shape[-1] ** -0.5
    seen = np.tri(q.shape[-2], dtype=bool)
    return softmax(library.where(seen, scores, scores.dtype.type(-np.inf))) @ v


def _lower_median(x: Any) -> Any:
    middle = (x.shape[-1] - 1) // 2
    return np.partition(x, middle)[..., middle]


def _draws_of_numpy() -> dict[str, Any]:
    """By a counter, too, as ours; its own default is faster by a tenth."""
    made = np.random.Generator(np.random.Philox(0))
    return {
        "uniform": lambda seed, shape: made.random(shape, np.float32),
        "normal": lambda seed, shape: made.standard_normal(shape, np.float32),
        "exponential": lambda seed, shape: made.standard_exponential(shape, np.float32),
        "bernoulli": lambda seed, p, shape: made.random(shape, np.float32) < p,
        "randint": lambda seed, most, shape: made.integers(0, most, shape, np.int32),
    }


def _at_of_numpy(x: Any, key: Any, how: str, values: Any) -> Any:
    found = x.copy()
    if how == "set":
        found[key] = values
    else:
        {"add": np.add, "max": np.maximum}[how].at(found, key, values)
    return found


def _of_scipy() -> dict[str, Any]:
    if not find_spec("scipy"):
        return {}
    special = import_module("scipy.special")
    return {
        "erf": special.erf, "lgamma": special.gammaln, "digamma": special.digamma,
        "polygamma": special.polygamma, "erfinv": special.erfinv,
    }  # fmt: skip


def torch(workload: Workload, arrays: Sequence[Any], threads: int = 0) -> Step:
    """PyTorch, eager, without gradients but where they are asked for."""
    import torch as library

    if threads:
        library.set_num_threads(threads)
    functional = library.nn.functional

    def value_and_grad(function: Callable[..., Any], *by: Any) -> tuple[Any, list[Any]]:
        leaves = [each.detach().requires_grad_() for each in by]
        with library.enable_grad():
            loss = function(*leaves)
            found = library.autograd.grad(loss, leaves)
        return loss.detach(), list(found)

    words = Words(
        library,
        value_and_grad=value_and_grad, max=library.amax, min=library.amin,
        softmax=lambda x, axis=-1: library.softmax(x, axis),
        log_softmax=lambda x, axis=-1: library.log_softmax(x, axis),
        gelu=functional.gelu, gelu_tanh=functools.partial(functional.gelu, approximate="tanh"),
        silu=functional.silu, softplus=functional.softplus, relu=library.relu,
        var=lambda x, axis=None, keepdims=False: library.var(x, axis, correction=0, keepdim=keepdims),
        pad=lambda x, widths: functional.pad(x, [each for pair in widths[::-1] for each in pair]),
        flip=lambda x, axis: library.flip(x, (axis,)),
        take=lambda x, indices, axis: _taken(library, x, indices, axis),
        take_along_axis=lambda x, indices, axis: library.take_along_dim(x, indices, axis),
        layer_norm=lambda x: functional.layer_norm(x, x.shape[-1:]), cumsum=lambda x, axis: x.cumsum(axis),
        cast=lambda x, dtype: x.to(getattr(library, dtype)),
        sort=lambda x, axis: library.sort(x, axis)[0], argsort=library.argsort,
        sort_descending=lambda x: library.sort(x, descending=True)[0],
        topk=lambda x, k: library.topk(x, k)[0], median=lambda x: library.median(x, -1)[0],
        quantile=lambda x, q: library.quantile(x, library.tensor(q, dtype=x.dtype), -1),
        logcumsumexp=lambda x, axis: library.logcumsumexp(x, axis),
        uniform=lambda seed, shape: library.rand(shape), normal=lambda seed, shape: library.randn(shape),
        exponential=lambda seed, shape: library.empty(shape).exponential_(),
        bernoulli=lambda seed, p, shape: library.rand(shape) < p,
        randint=lambda seed, most, shape: library.randint(0, most, shape, dtype=library.int32),
        at=functools.partial(_at_of_torch, library), bag_means=functional.embedding_bag,
        causal_attention=functools.partial(functional.scaled_dot_product_attention, is_causal=True),
         **{name: getattr(functional, name) for name in imaging.NAMES},
    )  # fmt: skip
    if workload.is_compiling:
        raise MissingWordError("PyTorch is raced eager")
    given = [_given_to_torch(library, x) for x in arrays]

    def step() -> Any:
        with library.no_grad():
            found = workload.body(words, *given)
        return [each.contiguous() for each in found] if isinstance(found, list) else found.contiguous()

    return step


def _at_of_torch(library: Any, x: Any, key: Any, how: str, values: Any) -> Any:
    """What PyTorch has for an update, the faster one of several."""
    if isinstance(key, tuple):
        return library.index_put(x, key, values, accumulate=how == "add")
    match how:
        case "set":
            return library.index_copy(x, 0, key, values)
        case "add":
            return library.index_add(x, 0, key, values)
        case _:
            return library.index_reduce(x, 0, key, values, f"a{how}")


def _given_to_torch(library: Any, array: np.ndarray) -> Any:
    """An array as a tensor over the same memory, but where strides are negative."""
    dense = np.ascontiguousarray(array) if min(array.strides, default=0) < 0 else array
    if dense.dtype.name == "bfloat16":
        return library.from_numpy(dense.view(np.int16)).view(library.bfloat16)
    return library.from_numpy(dense)


def _taken(library: Any, x: Any, indices: Any, axis: int) -> Any:
    flat = library.index_select(x, axis, indices.reshape(-1))
    return flat.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def jax(workload: Workload, arrays: Sequence[Any]) -> Step:
    """Jitted."""
    import jax as library

    library.config.update("jax_enable_x64", True)
    words = _words_of_jax(library)
    if workload.is_compiling:
        return functools.partial(_compiled_by_jax, library, words, workload, arrays[0])
    compiled = library.jit(functools.partial(workload.body, words))
    is_plain = all(x.flags.c_contiguous for x in arrays)
    given = [library.numpy.asarray(x) if is_plain else x for x in arrays]
    return lambda: library.block_until_ready(compiled(*given))


def _compiled_by_jax(library: Any, words: Words, workload: Workload, seeds: np.ndarray) -> Any:
    x, program = workload.body(words, seeds)
    return library.block_until_ready(library.jit(program)(x))


def _words_of_jax(library: Any) -> Words:
    def value_and_grad(function: Callable[..., Any], *by: Any) -> tuple[Any, list[Any]]:
        value, found = library.value_and_grad(function, argnums=tuple(range(len(by))))(*by)
        return value, list(found)

    def layer_norm(x: Any) -> Any:
        return (x - x.mean(-1, keepdims=True)) / library.numpy.sqrt(x.var(-1, keepdims=True) + 1e-5)

    one, drawn, special = library.nn, library.random, library.scipy.special
    return Words(
        library.numpy,
        value_and_grad=value_and_grad, permute=library.numpy.transpose, softmax=one.softmax,
        log_softmax=one.log_softmax, gelu_tanh=one.gelu, gelu=functools.partial(one.gelu, approximate=False),
        silu=one.silu, softplus=one.softplus, relu=one.relu, sigmoid=one.sigmoid,
        erf=special.erf, erfinv=special.erfinv, lgamma=special.gammaln, digamma=special.digamma,
        polygamma=special.polygamma, layer_norm=layer_norm, cast=lambda x, dtype: x.astype(dtype),
        rsqrt=library.lax.rsqrt, topk=lambda x, k: library.lax.top_k(x, k)[0],
        sort_descending=lambda x: library.numpy.sort(x, descending=True),
        median=lambda x: library.numpy.sort(x)[..., (x.shape[-1] - 1) // 2],
        quantile=lambda x, q: library.numpy.quantile(x, library.numpy.asarray(q, x.dtype), axis=-1),
        bincount=lambda x, minlength: library.numpy.bincount(x, length=minlength),
        logcumsumexp=lambda x, axis: library.lax.cumlogsumexp(x, axis),
        uniform=lambda seed, shape: drawn.uniform(drawn.key(seed), shape, "float32"),
        normal=lambda seed, shape: drawn.normal(drawn.key(seed), shape, "float32"),
        exponential=lambda seed, shape: drawn.exponential(drawn.key(seed), shape, "float32"),
        bernoulli=lambda seed, p, shape: drawn.bernoulli(drawn.key(seed), p, shape),
        randint=lambda seed, most, shape: drawn.randint(drawn.key(seed), shape, 0, most, "int32"),
        at=lambda x, key, how, values: getattr(x.at[key], how)(values),
        causal_attention=functools.partial(_attention, library.numpy, one.softmax),
        bag_means=lambda words, table: table[words].mean(1),
         **imaging.words_of_jax(library),
    )  # fmt: skip


def engine(start: Callable[..., Step], workload: Workload, arrays: Sequence[Any], threads: int = 0) -> Step:
    """An engine for inference, at a network of known weights."""
    if not workload.has_weights:
        raise MissingWordError("it is no network whose weights are known")
    return start(workload, arrays, threads)


SYSTEMS: Final[dict[str, Callable[..., Step]]] = {
    "ours": ours,
    "one thread": functools.partial(ours, threads=1),
    "numpy": numpy,
    "torch": torch,
    "jax": jax,
    "onnxruntime": functools.partial(engine, engines.onnxruntime),
    "openvino": functools.partial(engine, engines.openvino),
}
"""Those of ours first; "one thread" is ours, and asked for with `--one-thread`."""

NEEDS: Final = {
    "ours": "tinytorch", "one thread": "tinytorch", "numpy": "numpy", "torch": "torch", "jax": "jax",
    "onnxruntime": "onnxruntime", "openvino": "openvino",
}  # fmt: skip

PEERS: Final = [name for name in SYSTEMS if name not in ("ours", "one thread")]
