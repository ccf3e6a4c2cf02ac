"""Products summed over indices, and the index notation under them for ops of one's own.

einsum("ij,jk->ik", x, w)                                     the sum of a product
map_reduce("max", "ik,kj->ij", x, w, map=lambda a, b: a + b)  any reducer of any formula
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.build import broadcast, contract, product_formula, reduce
from compiler.ir.dims import Extent, extent
from compiler.ir.formula.tape import Formula, natural_dtype
from compiler.ir.formula.trace import trace
from compiler.ir.node import Node, describe, make_node
from compiler.ir.op import Access, Argument, Index, MapReduce, Reducer, Size
from compiler.ir.scope import scope
from compiler.ir.types import INT64, Weak
from tinytorch.ops.subscripts import (
    DOTS,
    Subscripts,
    check_output,
    check_ranks,
    read_subscripts,
    without_dots,
)
from tinytorch.products import einsum_node
from tinytorch.reductions import check_elements
from tinytorch.tensor import Tensor, as_tensors


def matmul(left: Any, right: Any) -> Tensor:
    """`left @ right` with NumPy's rules: a vector is a row or a column, leading axes broadcast."""
    first, second = as_tensors(left, right)
    return first @ second


def outer(left: Any, right: Any) -> Tensor:
    """The product of each element of a vector with each of another, `[m]` and `[n]` to `[m, n]`."""
    return einsum("i,j->ij", left, right)


def einsum(subscripts: str, *operands: Any) -> Tensor:
    """Einstein's summation: `einsum("bij,bjk->bik", x, w)`.

    Letters name axes; those that the output has not are summed. Without `->` the output has the letters that
    occur once, in alphabetical order. A letter twice in one operand takes the diagonal, and `...` stands for
    axes that broadcast. Three float operands and more are contracted by pairs where that is half of the work
    or less, in the order of `numpy.einsum_path`. Raises ArgumentError for subscripts that do not parse,
    ShapeError for extents that differ.
    """
    found = read_subscripts(subscripts, len(operands))
    if not operands:
        raise ArgumentError("einsum needs at least one operand")
    tensors = as_tensors(*operands)
    nodes = [tensor.node for tensor in tensors]
    check_output(found)
    check_ranks(found, nodes)
    inputs, output, dots = without_dots(found, nodes)
    return type(tensors[0])(einsum_node(inputs, output, nodes, "einsum", dots, found.inputs))


@scope("bilinear")
def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Tensor:
    """`out[.., o] = sum over i, j of x[.., i] * weight[o, i, j] * y[.., j]`, plus `bias[o]` if given.

    `[..., n]` and `[..., m]` of equal leading axes, and a weight `[outputs, n, m]`
    (torch.nn.functional.bilinear). Raises ShapeError.
    """
    first, second, form = as_tensors(input1, input2, weight)
    named = {"input1": first, "input2": second, "weight": form}
    places = "".join(f"\n  {name}: {describe(tensor.node)}" for name, tensor in named.items())
    is_alike = first.ndim and second.ndim and first.shape[:-1] == second.shape[:-1]
    if form.ndim != 3 or not is_alike or form.shape[1:] != (first.shape[-1], second.shape[-1]):
        raise ShapeError(
            "bilinear: input1 is [..., n], input2 [..., m] with the same leading axes, and weight "
            f"[outputs, n, m]{places}"
        )
    found = einsum("...i,oij,...j->...o", first, form, second)
    return found if bias is None else found + bias


def map_reduce(
    reducer: str | None,
    subscripts: str,
    *operands: Any,
    map: Callable[..., Any] | None = None,
    sizes: Mapping[str, Extent | str] | None = None,
) -> Tensor:
    """`out[O] = reducer over the other indices of map(x1[I1], x2[I2], ...)`, in index notation.

    `reducer` is "sum", "prod", "max", "min", "argmax" or "argmin" (the row-major position among the reduced
    indices), or None where the output has every index. `map` is a plain function of scalars, by default the
    product. Parameters behind the operands' are the values of the indices they are named after, and `size_k`
    is the extent of index `k`:

        # a product in the tropical semiring, and a causal mask
        tt.map_reduce("max", "ik,kj->ij", x, w, map=lambda a, b: a + b)
        tt.map_reduce(None, "qk->qk", s, map=lambda s, q, k: tt.where(k > q, -math.inf, s))

    `sizes` gives the extents of indices that no operand has. What it makes are MapReduce nodes,
    differentiated by the one rule: a map, a reduction, or one contraction where the map is a product and the
    reducer "sum".
    """
    chosen = _reducer(reducer)
    found = read_subscripts(subscripts, len(operands))
    tensors = as_tensors(*operands)
    nodes = [tensor.node for tensor in tensors]
    notation = _read(found, nodes, sizes or {})
    if (chosen is Reducer.NONE) != (notation.kept == len(notation.loops)):
        raise ArgumentError(
            f"subscripts {subscripts!r} with reducer {reducer!r}: a reducer is for indices to reduce"
        )
    formula, arguments = _formula(chosen, map, notation, len(nodes))
    handle = type(tensors[0]) if tensors else Tensor
    return handle(_build(chosen, formula, arguments, notation, nodes))


@dataclass(frozen=True, slots=True)
class _Notation:
    """Subscripts that have been read: the loops in order (the output's first), the operands' letters."""

    loops: tuple[str, ...]
    extents: tuple[Extent, ...]
    inputs: tuple[str, ...]
    kept: int

    def access(self, operand: int) -> Access:
        return Access(tuple(self.loops.index(letter) for letter in self.inputs[operand]))


def _reducer(name: str | None) -> Reducer:
    known = {item.value: item for item in Reducer}
    if (name or "none") not in known:
        raise ArgumentError(f"a reducer is one of {', '.join(map(repr, known))} or None, not {name!r}")
    return known[name or "none"]


def _read(found: Subscripts, nodes: Sequence[Node], sizes: Mapping[str, Extent | str]) -> _Notation:
    inputs, output = found.inputs, found.output
    if output is None or DOTS in found.text:
        raise found.error("map_reduce needs '->' and the output's indices, and has no '...'")
    check_ranks(found, nodes)
    extents = {letter: extent(size) for letter, size in sizes.items()}
    for letters, node in zip(inputs, nodes, strict=True):
        for letter, size in zip(letters, node.type.shape, strict=True):
            if extents.setdefault(letter, size) != size:
                raise ShapeError(f"index {letter!r} is {extents[letter]} and {size}: {describe(node)}")
    loops = tuple(dict.fromkeys([*output, *"".join(inputs), *extents]))
    if twice := [letters for letters in inputs if len(set(letters)) != len(letters)]:
        raise found.error(f"no index stands twice in one operand, as in {twice[0]!r}")
    missing = [letter for letter in loops if letter not in extents]
    if missing:
        raise ArgumentError(f"index {missing[0]!r} has no extent; give sizes={{{missing[0]!r}: ...}}")
    return _Notation(loops, tuple(extents[letter] for letter in loops), inputs, len(output))


def _formula(
    reducer: Reducer, map: Callable[..., Any] | None, notation: _Notation, count: int
) -> tuple[Formula, list[Argument]]:
    """The map's formula, and what each of its parameters reads."""
    accesses: list[Argument] = [notation.access(k) for k in range(count)]
    if map is None:
        if not count:
            raise ArgumentError("map_reduce without operands needs a map")
        return product_formula(count), accesses
    formula, defaults = trace(map, "map")
    if defaults or len(formula.parameters) < count:
        raise ArgumentError(f"map takes {count} operands and then indices, and no keyword-only parameters")
    return formula, accesses + [_index(name, notation) for name in formula.parameters[count:]]


def _index(name: str, notation: _Notation) -> Argument:
    letter = name.removeprefix("size_")
    if letter not in notation.loops:
        known = ", ".join(notation.loops)
        raise ArgumentError(
            f"map's parameter {name!r} is neither an operand's nor named after an index ({known})"
        )
    loop = notation.loops.index(letter)
    return Index(loop) if letter == name else Size(notation.extents[loop])


def _build(
    reducer: Reducer, formula: Formula, arguments: list[Argument], notation: _Notation, nodes: Sequence[Node]
) -> Node:
    is_product = formula.factors == tuple(range(len(nodes))) and len(arguments) == len(nodes)
    if is_product and (reducer is Reducer.SUM or (reducer is Reducer.NONE and len(nodes) > 1)):
        return _product(notation, nodes)
    if is_product and len(nodes) == 1:
        value = _spread(nodes[0], notation)
    else:
        value = _mapped(formula, arguments, notation, nodes)
    if reducer is Reducer.NONE:
        return value
    gone = range(notation.kept, len(notation.loops))
    check_elements(reducer, value, gone)
    return reduce(reducer, value, gone)


def _product(notation: _Notation, nodes: Sequence[Node]) -> Node:
    axes = [notation.access(k).axes for k in range(len(nodes))]
    return contract(nodes, axes, range(notation.kept), notation.extents)


def _spread(node: Node, notation: _Notation) -> Node:
    """One operand over all loops: moved and repeated, which layout ops do."""
    letters = notation.inputs[0]
    order = "".join(letter for letter in notation.loops if letter in letters)
    moved = einsum_node([letters], order, [node], "map_reduce", "")
    return broadcast(moved, notation.extents, [notation.loops.index(letter) for letter in order])


def _mapped(formula: Formula, arguments: list[Argument], notation: _Notation, nodes: Sequence[Node]) -> Node:
    given = iter(nodes)
    dtypes = [
        next(given).type.dtype
        if isinstance(item, Access)
        else INT64
        if isinstance(item, Index)
        else Weak(int)
        for item in arguments
    ]
    output = tuple(range(len(notation.loops)))
    op = MapReduce(formula, tuple(arguments), notation.extents, output, natural_dtype(formula, dtypes))
    return make_node(op, nodes)
