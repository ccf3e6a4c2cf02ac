"""Random numbers: published and known values, the same everywhere, and of the distributions that they say."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import tinytorch as tt
from tests.backends import ALL, FAST
from tinytorch import random

SHAPE = (2, 3)
KEY = random.key(42)
MANY = 100_000


def compute(value: Any, backend: str = "reference", **options: Any) -> Any:
    return tt.compile([], value, backend=backend, **options)()


JAX: dict[str, tuple[Callable[[], tt.Tensor], Sequence[Any]]] = {
    "bits": (
        lambda: random.bits(KEY, SHAPE),
        [[2098992034, -1375260455, -1648100871], [-1885421097, 1935504149, -1778692392]],
    ),
    "uniform": (
        lambda: random.uniform(KEY, SHAPE),
        [
            [0.48870956897735596, 0.6797971725463867, 0.6162714958190918],
            [0.5610160827636719, 0.4506446123123169, 0.58586585521698],
        ],
    ),
    "normal": (
        lambda: random.normal(KEY, SHAPE),
        [
            [-0.02830461598932743, 0.4671318531036377, 0.2957029640674591],
            [0.15354591608047485, -0.12403281778097153, 0.21692314743995667],
        ],
    ),
    "exponential": (
        lambda: random.exponential(KEY, SHAPE),
        [
            [0.670817494392395, 1.1388006210327148, 0.9578199982643127],
            [0.8232924938201904, 0.5990096926689148, 0.8815653324127197],
        ],
    ),
    "gumbel": (
        lambda: random.gumbel(KEY, SHAPE),
        [
            [0.3340933918952942, 0.952019453048706, 0.7255305647850037],
            [0.5481715202331543, 0.2268049567937851, 0.6261159181594849],
        ],
    ),
    "truncated_normal": (
        lambda: random.truncated_normal(KEY, -1.0, 2.0, SHAPE),
        [
            [0.14770005643367767, 0.5684449076652527, 0.42102551460266113],
            [0.29997000098228455, 0.0691138207912445, 0.3537633717060089],
        ],
    ),
    "split": (
        lambda: random.split(KEY, 3),
        [7871734211187709741, 276886910877598708, -7855648935367878381],
    ),
    "fold_in": (lambda: random.fold_in(KEY, 7), -7507406917103292001),
    "categorical": (
        lambda: random.categorical(KEY, tt.log(tt.arange(12).astype("float32").reshape(3, 4) + 1)),
        [3, 3, 3],
    ),
}
"""What jax.random 0.10.2 draws of the key 42; a key's two words are one integer here."""


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("name", JAX)
def test_the_numbers_are_those_of_jax(name, backend):
    make, wanted = JAX[name]
    found = compute(make(), backend)
    if found.dtype.kind == "i" or name == "uniform":
        np.testing.assert_array_equal(found, np.asarray(wanted, found.dtype))
    else:
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=1e-6)


# The same everywhere

EXACT = {
    "bits": lambda key, shape: random.bits(key, shape),
    "bits of int64": lambda key, shape: random.bits(key, shape, "int64"),
    "uniform": lambda key, shape: random.uniform(key, shape),
    "uniform in float64": lambda key, shape: random.uniform(key, shape, "float64", -2, 5),
    "bernoulli": lambda key, shape: random.bernoulli(key, 0.3, shape),
    "randint": lambda key, shape: random.randint(key, shape, -3, 9, "int32"),
    "randint of int64": lambda key, shape: random.randint(key, shape, -(2**40), 2**50),
    "uniform of a new key": lambda key, shape: random.uniform(random.split(key, 3)[1], shape),
    "uniform of a folded key": lambda key, shape: random.uniform(random.fold_in(key, 2**40), shape),
}
CLOSE = {
    "normal": lambda key, shape: random.normal(key, shape),
    "normal in float64": lambda key, shape: random.normal(key, shape, "float64"),
    "truncated_normal": lambda key, shape: random.truncated_normal(key, -0.5, 3.0, shape),
    "exponential": lambda key, shape: random.exponential(key, shape),
    "gumbel": lambda key, shape: random.gumbel(key, shape, "float64"),
}


@pytest.mark.parametrize("shape", [(), (5,), (70, 33), (3, 4, 0), (2, 3, 5, 7)], ids=str)
@pytest.mark.parametrize("name", [*EXACT, *CLOSE])
def test_every_backend_draws_the_same(name, shape):
    make = (EXACT | CLOSE)[name]
    key = tt.input("key", (), "int64")
    drawn, number = make(key, shape), np.int64(-(2**62) + 5)
    wanted = tt.compile([key], drawn, passes=(), backend="reference")(number)
    assert wanted.shape == shape
    for backend in FAST:
        for options in ({}, {"passes": ()}):
            found = tt.compile([key], drawn, backend=backend, **options)(number)
            assert found.dtype == wanted.dtype
            if name in EXACT:
                np.testing.assert_array_equal(found, wanted)
            else:
                np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("kind", ["constant", "parameter", "input", "int32"])
def test_a_key_may_be_anything_that_is_an_integer(kind, backend):
    keys = {
        "constant": random.key(5),
        "parameter": tt.parameter(5, "seed"),
        "input": tt.input("key", (), "int64"),
        "int32": tt.input("key", (), "int32"),
    }
    key = keys[kind]
    inputs = [key] if kind in ("input", "int32") else []
    found = tt.compile(inputs, random.uniform(key, (2000,)), backend=backend)(*[5] * len(inputs))
    np.testing.assert_array_equal(found, compute(random.uniform(random.key(5), (2000,))))


@pytest.mark.parametrize("backend", FAST)
def test_a_place_counts_in_the_shape_and_not_in_the_batch(backend):
    x = tt.input("x", ("batch", 7))
    key = random.key(3)
    drawn = tt.compile([x], random.uniform(key, x.shape), backend=backend)
    whole = drawn(np.zeros((50, 7), np.float32))
    np.testing.assert_array_equal(whole[:20], drawn(np.zeros((20, 7), np.float32)))
    np.testing.assert_array_equal(whole, compute(random.uniform(key, (350,))).reshape(50, 7))


def test_threads_and_layout_change_no_bit():
    key = random.key(1)
    drawn = random.uniform(key, (400, 300)) + random.normal(key, (300, 400)).T
    one, many = tt.get_num_threads(), []
    try:
        for count in (1, 2, 5):
            tt.set_num_threads(count)
            many.append(compute(drawn, "llvm" if "llvm" in FAST else "numpy"))
    finally:
        tt.set_num_threads(one)
    np.testing.assert_array_equal(many[0], many[1])
    np.testing.assert_array_equal(many[0], many[2])


@pytest.mark.parametrize("dropped", [item.name for item in tt.default_passes()])
def test_a_pass_changes_no_bit(dropped):
    key = tt.input("key", (), "int64")
    x = tt.input("x", ("n", 6))
    mask = random.bernoulli(key, 0.7, x.shape)
    y = tt.where(mask, tt.tanh(x) / 0.7, 0.0)
    results = [y.sum(1), tt.grad((y * y).sum(), x), mask, random.bernoulli(key, 0.7, x.shape)]
    data = np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32)
    kept = [item for item in tt.default_passes() if item.name != dropped]
    wanted = tt.compile([x, key], results, passes=(), backend="reference")(data, 9)
    for backend in FAST:
        found = tt.compile([x, key], results, passes=kept, backend=backend)(data, 9)
        np.testing.assert_array_equal(found[2], wanted[2])
        np.testing.assert_array_equal(found[3], wanted[3])
        np.testing.assert_array_equal(found[1] == 0, ~wanted[2])
        for left, right in zip(found, wanted, strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [*EXACT, *CLOSE])
def test_a_draw_prints_and_parses(name):
    key = tt.input("key", (), "int64")
    graph = tt.graph_of((EXACT | CLOSE)[name](key, ("n", 3)))
    text = str(graph)
    again = tt.parse(text, arrays=graph.arrays)
    assert str(again) == text
    assert "random" in text


# What it is drawn from


def distance(values: np.ndarray, cdf: Callable[[np.ndarray], np.ndarray]) -> float:
    """Kolmogorov's: the largest distance between distributions, times sqrt(n); one in 1,500 is above 2."""
    ordered = np.sort(np.asarray(values, np.float64).ravel())
    n = len(ordered)
    exact, steps = cdf(ordered), np.arange(n + 1) / n
    return math.sqrt(n) * max((steps[1:] - exact).max(), (exact - steps[:-1]).max())


_erf = np.vectorize(math.erf, otypes=[float])


def normal_cdf(x: np.ndarray) -> np.ndarray:
    return (1 + _erf(x / math.sqrt(2))) / 2


def truncated_cdf(x: np.ndarray) -> np.ndarray:
    low, high = normal_cdf(np.array([-0.5, 3.0]))
    return (normal_cdf(x) - low) / (high - low)


DISTRIBUTIONS: dict[str, tuple[Callable[..., tt.Tensor], Callable[..., Any], float, float]] = {
    "uniform": (random.uniform, lambda x: x, 1 / 2, 1 / 12),
    "uniform in float64": (lambda k, s: random.uniform(k, s, "float64"), lambda x: x, 1 / 2, 1 / 12),
    "uniform from -2 to 5": (
        lambda k, s: random.uniform(k, s, minval=-2, maxval=5),
        lambda x: (x + 2) / 7,
        1.5,
        49 / 12,
    ),
    "normal": (random.normal, normal_cdf, 0, 1),
    "normal in float64": (lambda k, s: random.normal(k, s, "float64"), normal_cdf, 0, 1),
    "exponential": (random.exponential, lambda x: 1 - np.exp(-x), 1, 1),
    "gumbel": (random.gumbel, lambda x: np.exp(-np.exp(-x)), np.euler_gamma, math.pi**2 / 6),
    "truncated_normal": (
        lambda k, s: random.truncated_normal(k, -0.5, 3.0, s),
        truncated_cdf,
        0.5028,
        0.4637,
    ),
}


@pytest.mark.parametrize("seed", [0, 1, 2**63])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_means_variances_and_kolmogorovs_distance(name, seed):
    make, cdf, mean, variance = DISTRIBUTIONS[name]
    values = compute(make(random.key(seed), (MANY,)), "numpy").astype(np.float64)
    assert np.isfinite(values).all()
    assert abs(values.mean() - mean) < 5 * math.sqrt(variance / MANY) + 1e-4
    kurtosis = ((values - values.mean()) ** 4).mean() / values.var() ** 2
    assert abs(values.var() / variance - 1) < 5 * math.sqrt((kurtosis - 1) / MANY) + 1e-3
    assert distance(values, cdf) < 2


def test_kolmogorovs_distance_sees_a_small_shift():
    values = compute(random.normal(random.key(0), (MANY,)), "numpy")
    assert distance(values + 0.03, normal_cdf) > 2.7
    assert distance(values * 1.05, normal_cdf) > 2.7


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_bernoulli_is_true_as_often_as_it_should_be(p):
    share = compute(random.bernoulli(random.key(1), p, (MANY,)), "numpy").mean()
    assert abs(share - p) <= 5 * math.sqrt(p * (1 - p) / MANY)


@pytest.mark.parametrize(("low", "high"), [(0, 2), (-3, 4), (0, 10), (5, 6), (-(2**31), 2**31)])
def test_randint_draws_each_integer_as_often(low, high):
    values = compute(random.randint(random.key(2), (MANY,), low, high), "numpy")
    assert values.min() >= low
    assert values.max() < high
    bins = min(high - low, 16)
    counts = np.bincount((values - low) * bins // (high - low), minlength=bins)
    expected = MANY / bins
    assert ((counts - expected) ** 2 / expected).sum() < bins + 5 * math.sqrt(2 * bins)


def test_randint_is_the_upper_word_of_a_product():
    key = random.key(3)
    words = [int(x) % 2**64 for x in compute(random.bits(key, (200,), "int64"))]
    pairs = [(0, 10), (-5, 2**31 - 5), (0, 2**31 + 1), (-(2**62), 2**62 - 1), (7, 7 + 2**40)]
    for low, high in pairs:
        wanted = [low + (word * (high - low) >> 64) for word in words]
        assert compute(random.randint(key, (200,), low, high)).tolist() == wanted
        bounds = [tt.constant(np.int64(x)) for x in (low, high)]
        assert compute(random.randint(key, (200,), *bounds)).tolist() == wanted
    empty = [tt.constant(np.int64(x)) for x in (4, 3)]
    assert set(compute(random.randint(key, (9,), *empty)).tolist()) == {4}


def test_categorical_draws_classes_as_often_as_softmax_says():
    logits = np.log(np.array([[1, 2, 3, 4], [4, 4, 1, 1]], np.float32))
    found = compute(random.categorical(random.key(4), logits, shape=(MANY // 2, 2)), "numpy")
    assert found.shape == (MANY // 2, 2)
    for column, row in zip(found.T, np.exp(logits), strict=True):
        share = np.bincount(column, minlength=4) / len(column)
        np.testing.assert_allclose(share, row / row.sum(), atol=5 / math.sqrt(len(column)))
    assert compute(random.categorical(random.key(4), logits.T, axis=0)).shape == (2,)


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """In standard deviations of that of independent numbers."""
    return float(np.corrcoef(x.ravel(), y.ravel())[0, 1]) * math.sqrt(x.size)


def test_keys_and_counters_that_differ_by_one_have_nothing_in_common():
    keys = tt.constant(np.arange(-8, 8))
    folded = [random.uniform(key, (MANY // 8,)) for key in keys]
    drawn = compute(folded, "numpy")
    split = compute([random.uniform(key, (MANY // 8,)) for key in random.split(random.key(0), 4)], "numpy")
    for group in (drawn, split):
        for one, other in itertools.pairwise(group):
            assert abs(correlation(one, other)) < 4.5
    for lag in (1, 2, 3, 64, 1000):
        assert abs(correlation(drawn[0][lag:], drawn[0][:-lag])) < 4.5


def test_every_bit_is_set_half_of_the_time_and_flips_half_of_the_bits():
    key = tt.input("key", (), "int64")
    draw = tt.compile([key], random.bits(key, (MANY // 4,), "int64"), backend="numpy")
    one = draw(12345).view(np.uint64)
    for other in (np.zeros_like(one), draw(12344).view(np.uint64), draw(12345 ^ 2**62).view(np.uint64)):
        bits = np.unpackbits((one ^ other).view(np.uint8)).reshape(-1, 64)
        assert np.abs(bits.mean(0) - 0.5).max() < 5 * 0.5 / math.sqrt(len(bits))


def test_new_keys_differ_from_each_other_and_from_the_old_one():
    keys = compute(random.split(random.key(0), 1000)).tolist()
    folded = compute(random.fold_in(random.key(0), tt.arange(1000)))
    assert len({0, *keys}) == 1001
    assert keys == folded.tolist()
    first, second = random.split(random.key(0))
    assert compute([first, second]) == keys[:2]


def test_a_seed_is_read_modulo_2_64():
    seeds = (-1, 2**64 - 1, np.int64(-1), np.uint64(2**64 - 1))
    assert [int(compute(random.key(seed))) for seed in seeds] == [-1] * 4
    assert random.key(tt.constant(np.int32(5))).dtype == "int64"


# Orders


@pytest.mark.parametrize("backend", ALL)
def test_a_permutation_has_each_element_once_and_depends_on_the_key(backend):
    x, key = tt.input("x", ("n", 3)), tt.input("key", (), "int64")
    orders = [random.permutation(key, 50), random.permutation(key, x.shape[0])]
    mixed = [random.permutation(key, x), random.shuffle(key, x, 1), random.permutation(key, x, 0, True)]
    program = tt.compile([x, key], [*orders, *mixed], backend=backend)
    data = np.arange(60, dtype=np.float32).reshape(20, 3)
    fifty, twenty, rows, columns, apart = program(data, 1)
    assert sorted(fifty) == list(range(50))
    assert sorted(twenty) == list(range(20))
    np.testing.assert_array_equal(rows, data[twenty])
    np.testing.assert_array_equal(np.sort(columns, 1), data)
    np.testing.assert_array_equal(np.sort(apart, 0), data)
    assert len({tuple(np.argsort(column)) for column in apart.T}) == 3
    assert (program(data, 2)[0] != fifty).any()
    np.testing.assert_array_equal(program(data, 1)[0], fifty)
    np.testing.assert_array_equal(fifty, compute(random.permutation(random.key(1), 50)))


def test_every_order_is_as_likely():
    keys = random.split(random.key(3), 1200)
    found = compute([random.permutation(key, 4) for key in (keys[k] for k in range(1200))], "numpy")
    counts = np.unique([int("".join(map(str, order))) for order in found], return_counts=True)[1]
    assert len(counts) == 24
    assert ((counts - 50) ** 2 / 50).sum() < 24 + 5 * math.sqrt(48)


def test_a_permutation_has_a_gradient_and_a_text():
    x, key = tt.input("x", (6, 2)), tt.input("key", (), "int64")
    y = random.permutation(key, x)
    weights = np.arange(12, dtype=np.float32).reshape(6, 2)
    slope = tt.grad((y * weights).sum(), x)
    order, found = tt.compile([x, key], [random.permutation(key, 6), slope])(weights, 4)
    np.testing.assert_array_equal(found[order], weights)
    graph = tt.graph_of([y, random.permutation(key, x, 1, True)])
    assert str(tt.parse(str(graph))) == str(graph)
    text = str(tt.graph_of(random.permutation(key, 1000)))
    assert str(tt.parse(text)) == text
    with pytest.raises(tt.ParseError, match="the text calls 'other'"):
        tt.parse(text.replace("tt.argsort", "other"))


# Gradients


def test_bounds_have_gradients_and_so_has_what_is_made_of_normal_numbers():
    key, n = random.key(6), 1000
    low, high = (tt.parameter(np.float32(x), name) for x, name in ((1.0, "low"), (3.0, "high")))
    u = compute(random.uniform(key, (n,)))
    found = compute(tt.grad(random.uniform(key, (n,), minval=low, maxval=high).sum(), [low, high]))
    np.testing.assert_allclose(found, [(1 - u).sum(), u.sum()], rtol=1e-5)
    mean, deviation = (tt.parameter(np.zeros(4, np.float32) + k, f"p{k}") for k in (0, 1))
    y = mean + deviation * random.normal(key, (n, 4))
    found = compute(tt.grad((y * y).sum(), [mean, deviation]))
    z = compute(random.normal(key, (n, 4))).astype(np.float64)
    np.testing.assert_allclose(found[0], 2 * z.sum(0), rtol=1e-4)
    np.testing.assert_allclose(found[1], 2 * (z * z).sum(0), rtol=1e-4)


def test_the_bounds_of_a_truncated_normal_have_gradients():
    low, high = tt.parameter(-0.5, "low", "float64"), tt.parameter(1.0, "high", "float64")
    y = random.truncated_normal(random.key(1), low, high, (500,), "float64").sum()
    slopes = compute(tt.grad(y, [low, high]))
    program = tt.compile([], y, backend="numpy")
    for parameter, slope, at in zip((low, high), slopes, (-0.5, 1.0), strict=True):
        ends = []
        for step in (-1e-5, 1e-5):
            tt.set_value(parameter, at + step)
            ends.append(float(program()))
        tt.set_value(parameter, at)
        np.testing.assert_allclose(slope, (ends[1] - ends[0]) / 2e-5, rtol=1e-5)


def test_a_key_has_no_gradient():
    key = tt.input("key", (), "int64")
    with pytest.raises(tt.GradientError, match="only floating tensors have gradients: %key"):
        tt.grad(random.normal(key, (3,)).sum(), key)


# Errors

X = tt.input("x", ("n", 4))
I = tt.input("i", (), "int64")  # noqa: E741  # an integer
BAD = {
    "a number for a key": (lambda: random.uniform(0, SHAPE), tt.DTypeError, r"uniform takes a key .*not 0"),
    "a shape for a key": (lambda: random.normal(SHAPE, I), tt.DTypeError, r"not \(2, 3\)\n  fix: key ="),
    "a float for a key": (lambda: random.bits(X), tt.DTypeError, "not %x : .*test_random.py"),
    "several keys": (
        lambda: random.gumbel(random.split(I, 3)),
        tt.ShapeError,
        r"(.|\n)*fix: keys\[0\]",
    ),
    "several keys to split": (lambda: random.split(random.split(I)), tt.ShapeError, "split takes one key"),
    "a seed that is no integer": (lambda: random.key(1.5), tt.ArgumentError, "a seed is an int, not 1.5"),
    "a shape that is a number": (lambda: random.uniform(I, 3), tt.ShapeError, r"such as \(3,\)"),
    "a size below 0": (lambda: random.uniform(I, (-1,)), tt.ShapeError, "uniform: an extent"),
    "a dtype of no floats": (lambda: random.normal(I, SHAPE, "int64"), tt.DTypeError, "float32 or float64"),
    "a dtype of no integers": (
        lambda: random.bits(I, SHAPE, "bool"),
        tt.DTypeError,
        "int32 or int64, not bool",
    ),
    "folding in a float": (lambda: random.fold_in(I, 0.5), tt.DTypeError, "fold_in takes an integer"),
    "p that broadcasts": (
        lambda: random.bernoulli(I, tt.constant([0.1, 0.2]), (3, 1)),
        tt.ShapeError,
        r"repeat\n  fix: draw shape=\(3, 2\)",
    ),
    "no integers": (lambda: random.randint(I, SHAPE, 3, 3), tt.ArgumentError, "no integer is at least 3"),
    "too many integers": (
        lambda: random.randint(I, SHAPE, 0, 2**40, "int32"),
        tt.ArgumentError,
        "too many for int32",
    ),
    "a bound that is a float": (lambda: random.randint(I, SHAPE, 0.5, 3), tt.DTypeError, "minval is an int"),
    "bounds that are floats": (lambda: random.randint(I, SHAPE, 0, X), tt.DTypeError, "maxval(.|\n)*%x"),
    "integer logits": (lambda: random.categorical(I, tt.arange(3)), tt.DTypeError, "floating logits"),
    "a shape that is not of the logits": (
        lambda: random.categorical(I, X, shape=(3,)),
        tt.ShapeError,
        r"does not end with \(n,\)(.|\n)*%x",
    ),
    "a permutation of a scalar": (
        lambda: random.permutation(I, tt.constant(2.0)),
        tt.ShapeError,
        "out of range",
    ),
    "a permutation of less than nothing": (lambda: random.permutation(I, -1), tt.ShapeError, "an extent"),
    "another keyword": (lambda: random.uniform(I, size=SHAPE), tt.KeywordError, r"fix: shape="),
    "another name": (lambda: random.rand, tt.MissingNameError, "tinytorch.random has no attribute 'rand'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_typed_error_that_says_what_to_write(case):
    action, error, message = BAD[case]
    with pytest.raises(error, match=message):
        action()


@pytest.mark.parametrize("name", [*EXACT, *CLOSE])
def test_nothing_is_likely_to_go_wrong(name):
    """What lint knows of a draw is where its numbers lie: no logarithm of 0, no root of less."""
    assert not tt.lint((EXACT | CLOSE)[name](random.key(0), (9,))).findings
