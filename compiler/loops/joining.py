"""The small kernel behind a kernel whose chunks leave partial results: joins them in the chunks' order.

for k in 0 .. count:
    for c in 0 .. chunks:  carrying s = 0.0
        s = s + part[c * count + k]
    result[k] = s
"""

from __future__ import annotations

from compiler.ir.op import Reducer
from compiler.ir.types import INT64, DType
from compiler.loops.language import Carry, Fold, For, Join, Kernel, Load, Memory, Ref, Store, Value
from compiler.loops.reductions import empty
from compiler.loops.writing import Writer


def joining(reducer: Reducer, dtype: DType, wanted: DType) -> Kernel:
    """Joins results of `dtype`, and writes them as `wanted`.

    Arguments: how many results a chunk has, how many chunks, the addresses of the first chunk's and of the
    results.
    """
    count, chunks = Value(INT64), Value(INT64)
    parts, results = Memory(dtype), Memory(wanted)
    at, chunk = Value(INT64), Value(INT64)
    first = empty(reducer, dtype)
    inside, following, after = (tuple(Value(item.dtype) for item in first) for _ in range(3))
    item, total = Value(dtype), Value(dtype)
    loop = For(
        chunk, 0, chunks,
        (Load(item, Ref(parts, ((at, 1), (chunk, count)))), Fold(following, reducer, inside, (item,))),
        carried=tuple(Carry(*each) for each in zip(inside, first, following, after, strict=True)),
    )  # fmt: skip
    writer = Writer()
    writer.write(loop)
    writer.write(Join(total, reducer, after))
    writer.write(Store(Ref(results, ((at, 1),)), writer.cast(total, dtype, wanted)))
    body = (For(at, 0, count, tuple(writer.blocks[0])),)
    return Kernel((count, chunks, parts, results), Value(INT64), (), body)
