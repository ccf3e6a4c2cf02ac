"""Kernels as texts, of every kind of statement, and what they compute in NumPy."""

import numpy as np

from tests.compiler.loops.reading import read_kernel

SOFTMAX = """\
n : i64
%x : f32 at input %x
%y : f32 at output 0
for chunk in chunks:
    t0 : i64 = chunk * 4
    for i in t0 .. minimum(t0 + 4, n):
        max0 : f32x8 = -inf
        nan0 : boolx8 = false
        for j in 0 .. 30 in vectors of 8 with mask0:
            max0, nan0 = max(max0, nan0, %x[30*i + j; where mask0]) where mask0
        %top : f32 = join max(max0, nan0)
        sum0 : f64x8 = 0.0
        for j in 0 .. 30 in vectors of 8 with mask0:
            ahead:
                t1 : f32x8 = splat(%top)
            %e : f32x8 = exp(%x[30*i + j; where mask0] - t1)
            %y[30*i + j; where mask0] = %e
            sum0 += f64(%e) where mask0
        %sum : f64 = join sum(sum0)
        for j in 0 .. 30 in vectors of 8 with mask0:
            %y[30*i + j; where mask0] = %y[30*i + j; where mask0] / f32(%sum)
"""

PRODUCT = """\
n : i64
%x : f32 at input %x
%w : f32 at parameter %w
%b : f32 at parameter %b
%y : f32 at output 0
room0 : f32 at room[8192]
room1 : f32 at room[256]
for chunk in chunks:
    t0 : i64 = chunk * 8
    t1 : i64 = minimum(t0 + 8, n)
    for i in 0 .. 300 by 256:
        t2 : i64 = minimum(256, 300 - i)
        pack panel0 by step0 = %w[32*i] in rows
            of t2 terms by 32, 32 columns by 1, 32 wide, whole
            to room0 in vectors of 16, copied from 32 rows on, of (t1 - t0)
        for j in t0 .. t1 by 4:
            tile room1[32*j - 256*chunk] = 4 rows of 2 vectors of 16
                of %x[300*j + i] by 300, 1, of which (t1 - j) rows exist
                times panel0[0] by step0, of which 32 columns exist
                over t2 terms, added where i is not 0
    for i in t0 .. t1:
        for j in 0 .. 32 in vectors of 16:
            %h : f32x16 = room1[32*i - 256*chunk + j] + %b[j]
            %y[32*i + j] = tanh(%h)
"""

COLUMNS = """\
%x : f32 at input %x
%w : f32 at parameter %w
%y : f32 at output 0
room0 : f32 at room[64]
for chunk in chunks:
    pack panel0 by step0 = %w[0] in columns
        of 3 terms by 1, 5 columns by 3, 8 wide
        to room0 in vectors of 8, copied from 32 rows on, of 2
    tile %y[0] = 2 rows of 1 vectors of 8
        of %x[0] by 3, 1, of which 2 rows exist
        times panel0[0] by step0, of which 5 columns exist under a mask
        over 3 terms, added where 0 is not 0
"""

WINDOW = """\
%x_rows : i64 at table
%x_terms : i64 at table
%w_terms : i64 at table
%x : f32 at input %x
%w : f32 at parameter %w
%y : f32 at output 0
room0 : f32 at room[64]
for chunk in chunks:
    pack panel0 by step0 = %w[0] in strided
        of 6 terms by table %w_terms[0], 5 columns by 6, 8 wide
        to room0 in vectors of 8, copied from 32 rows on, of 4
    tile %y[0] = 4 rows of 1 vectors of 8
        of %x[0] by table %x_rows[0], table %x_terms[0], of which 4 rows exist
        times panel0[0] by step0, of which 5 columns exist under a mask
        over 6 terms, added where 0 is not 0
    for i in 1 .. 2:
        tile %y[32*i] = 2 rows of 1 vectors of 4
            of %x[0] by table %x_rows[2*i], table %x_terms[0], of which 2 rows exist
            times %x[0] by table %x_terms[0], of which 3 columns exist under a mask
            over 6 terms, added where 0 is not 0
"""

CHOSEN = """\
%x_live : i64 at table
%x : f32 at input %x
%w : f32 at parameter %w
%y : f32 at output 0
for chunk in chunks:
    for i in 1 .. 2:
        tile %y[16*i] = 2 rows of 2 vectors of 4
            of %x[0] by 10, 1, of which 2 rows exist
            times %w[0] by 8, of which 8 columns exist
            over 3 terms of table %x_live[i], added where 0 is not 0
"""

SEARCH = """\
%x : f32 at input %x
%y : i64 at output 0
for chunk in chunks:
    for i in 0 .. 5:
        best0 : f32x4 = -inf
        at0 : i64x4 = 0
        for j in 0 .. 10 in vectors of 4 with mask0:
            best0, at0 = argmax(best0, at0, %x[10*i + j; where mask0], lanes:i64x4(j)) where mask0
        argmax0 : i64 = join argmax(best0, at0)
        %y[i] = argmax0
"""

ACROSS = """\
n : i64
%x : f32 at input %x, overlapping
%y : f32 at output 0
for chunk in chunks:
    for i in 0 .. n in vectors of 4 with mask0:
        min0 : f32x4 = inf
        nan0 : boolx4 = false
        for j in 0 .. 3:
            min0, nan0 = min(min0, nan0, %x[3*i + j; where mask0]) where mask0
        %least : f32x4 = join min(min0, nan0)
        %y[i; where mask0] = where(%least > 0.0, %least, -%least)
"""

GATHER = """\
status : i64 at status
%x : f32 at input %x
%index : i32 at input %index
%y : f32 at output 0
for chunk in chunks:
    for i in 0 .. 6:
        t0 : i64 = i64(%index[i])
        check (t0 >= 0) & (t0 < 9) else stop with 1 in status
    for i in 0 .. 6:
        for j in 0 .. 8 in vectors of 8:
            %y[8*i + j] = %x[j + 8*i64(%index[i])]
    for i in 0 .. 6 in vectors of 2:
        t0 : f32x2 = %x[8*i64(%index[i])]
        %y[8*i] = t0 + %x[0; 2 lanes by 0]
"""

PIECES = """\
%x : f32 at input %x
%y : f32 at output 0
%sum : i64 at output 1
room0 : f32 at room[16]
for chunk in chunks:
    t0 : i64 = 0
    for i in 0 .. 4:
        for j in 0 .. 11 in vectors of 8 with mask0:
            room0[j] = %x[11*i + j; where mask0] * f32(i)
        for j in 0 .. 11 in vectors of 8 with mask0:
            t1 : f32x8 = room0[j; where mask0]
            if j < 8:
                %y[11*i + j] = t1
            else:
                %y[11*i + j; first 3] = t1
        next t0 = t0 * 2 + i
    %sum[0] = t0
"""

INTEGERS = """\
n : i64
%x : i32 at input %x
%y : i32 at output 0
for chunk in chunks:
    max0 : i32 = -2147483648
    for i in 0 .. n - (n & 3):
        max0 = max(max0, %x[i])
    max1 : i32 = join max(max0)
    for i in 0 .. n:
        t0 : i32 = %x[i]
        t1 : bool = (t0 < 0) ^ (t0 == max1)
        %y[i] = where(t1, t0 * 3, i32(i) - t0)
"""

RARE = """\
%x : f32 at input %x
%y : f32 at output 0
for chunk in chunks:
    for i in 0 .. 6:
        for j in 0 .. 8 in vectors of 8:
            t0 : f32x8 = %x[8*i + j]
            t1 : boolx8 = t0 > 9.0
            t2 : f32x8 = t0
            t3 : f32x8 = 1.0
            if any(t1):
                next t2 = where(t1, t0 - 9.0, t2)
                next t3 = t2 + t3
            %y[8*i + j] = t2 * t3 + cos(t0)
"""

TEXTS = {
    "softmax": SOFTMAX, "product": PRODUCT, "columns": COLUMNS, "window": WINDOW, "search": SEARCH,
    "chosen": CHOSEN, "across": ACROSS, "gather": GATHER, "pieces": PIECES, "integers": INTEGERS,
    "rare": RARE,
}  # fmt: skip


def softmax_case(rng):
    x = rng.standard_normal((6, 30)).astype(np.float32) * 5
    e = np.exp(x - x.max(1, keepdims=True))
    y = e / e.astype(np.float64).sum(1, keepdims=True).astype(np.float32)
    return [6, x, np.zeros_like(x)], 2, {2: y}


def product_case(rng):
    x, w, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((11, 300), (300, 32), (32,)))
    y = np.tanh(x.astype(np.float64) @ w.astype(np.float64) + b)
    return [11, x, w, b, np.zeros((11, 32), np.float32)], 2, {4: y}


def columns_case(rng):
    x, w = (rng.integers(-9, 9, shape).astype(np.float32) for shape in ((2, 3), (5, 3)))
    y = np.zeros((2, 8), np.float32)
    y[:, :5] = x @ w.T
    return [x, w, np.full((2, 8), -1, np.float32)], 1, {2: y}


def window_case(rng):
    """Windows of 2 x 3 in images of 3 x 5; the tables of a dense 5 x 6 matrix are those of its strides."""
    x, w = rng.integers(-9, 9, (3, 5)).astype(np.float32), rng.integers(-9, 9, (5, 6)).astype(np.float32)
    rows, terms = np.array([0, 1, 5, 6]), np.array([0, 1, 2, 5, 6, 7])
    left = x.reshape(-1)[rows[:, None] + terms]
    y = np.zeros(40, np.float32)
    y[:32].reshape(4, 8)[:, :5] = left @ w.T
    y[32:].reshape(2, 4)[:, :3] = left[2:] @ x.reshape(-1)[terms[:, None] + np.arange(3)]
    return [rows, terms, np.arange(6), x, w, np.full(40, -1, np.float32)], 1, {5: y}


def chosen_case(rng):
    x, w = (rng.integers(-9, 9, shape).astype(np.float32) for shape in ((2, 10), (10, 8)))
    live = np.array([5, 0, 7, 9])
    y = np.full((4, 8), -1, np.float32)
    y[2:] = x[:, live[1:]] @ w[live[1:]]
    return [live, x, w, np.full((4, 8), -1, np.float32)], 1, {3: y}


def search_case(rng):
    x = rng.integers(-3, 3, (5, 10)).astype(np.float32)
    x[2, 7] = np.nan
    return [x, np.zeros(5, np.int64)], 1, {1: x.argmax(1)}


def across_case(rng):
    x = rng.standard_normal((7, 3)).astype(np.float32)
    x[4, 1] = np.nan
    y = np.where(x.min(1) > 0, x.min(1), -x.min(1))
    return [7, x, np.zeros(7, np.float32)], 1, {2: y}


def gather_case(rng):
    x, index = rng.standard_normal((9, 8)).astype(np.float32), rng.integers(0, 9, 6).astype(np.int32)
    y = x[index].copy()
    y[:, 0] += x[0, 0]
    return [np.zeros(1, np.int64), x, index, np.zeros((6, 8), np.float32)], 1, {3: y}


def pieces_case(rng):
    x = rng.standard_normal((4, 11)).astype(np.float32)
    y, total = x * np.arange(4, dtype=np.float32)[:, None], np.array([0 * 8 + 1 * 4 + 2 * 2 + 3])
    return [x, np.zeros_like(x), np.zeros(1, np.int64)], 1, {1: y, 2: total}


def integers_case(rng):
    x = rng.integers(-9, 9, 11).astype(np.int32)
    largest = x[:8].max()
    y = np.where((x < 0) ^ (x == largest), x * 3, np.arange(11) - x).astype(np.int32)
    return [11, x, np.zeros_like(x)], 1, {2: y}


def rare_case(rng):
    x = rng.uniform(-8, 8, (6, 8)).astype(np.float32)
    x[[1, 4, 4], [3, 0, 7]] = 10, 2e6, 1e12
    chosen = np.where(x > 9, x - 9, x)
    times = np.where((x > 9).any(1, keepdims=True), x + 1, 1)
    return [x, np.zeros_like(x)], 1, {1: chosen * times + np.cos(x.astype(np.float64)).astype(np.float32)}


CASES = {
    "softmax": softmax_case, "product": product_case, "columns": columns_case, "window": window_case,
    "search": search_case, "chosen": chosen_case, "across": across_case, "gather": gather_case,
    "pieces": pieces_case, "integers": integers_case, "rare": rare_case,
}  # fmt: skip
"""For each the arguments, the chunks, and what arguments hold afterwards, by place."""


def kernel(name):
    return read_kernel(TEXTS[name])
