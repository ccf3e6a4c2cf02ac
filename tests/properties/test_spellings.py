"""What is recognised does not depend on how it is written, on constants, passes or backends."""

import random

import numpy as np
import pytest

import tinytorch as tt
from compiler.ir.formula.equations import LOG_OF_PRODUCT, LOG_OF_TWO, equations
from compiler.rewrite.stable import LOG_SUM_EXP, SOFTMAX
from passes import REWRITES
from tests.backends import FAST
from tests.properties.spelling import FORMS, SCALES, Speller

EXTREME = np.array(
    [[1000.0, 0.0, -1000.0], [-1000.0, -1000.0, -999.0], [3.0, 1000.0, 999.0], [0.5, -0.25, 2.0]]
)
WEIGHT = tt.constant(np.linspace(-1, 2, 12).reshape(4, 3))
RULES = {SOFTMAX, LOG_SUM_EXP, LOG_OF_PRODUCT, LOG_OF_TWO, *(equation.text for equation in equations())}


def some_passes(seed: int) -> list:
    """Rewriting passes in any order, some twice; the one that stabilises is among them."""
    chooser = random.Random(seed)
    chosen = chooser.sample([*REWRITES, *REWRITES], chooser.randint(1, 6))
    if "simplify" not in [item.name for item in chosen]:
        chosen.append(next(item for item in REWRITES if item.name == "simplify"))
    return chosen


def written(seed: int, name: str, x: tt.Tensor) -> tuple[tt.Tensor, float]:
    """A form of some multiple of x, and the multiple."""
    speller = Speller(seed)
    multiple, scale = SCALES[speller.random.choice(list(SCALES))]
    return FORMS[name].write(speller, multiple(x)), scale


def recognised(program: tt.Program) -> set[str]:
    """The rules for stable forms that any pass reports."""
    sentences = [str(action) for record in program.history for action in record.report.actions]
    return {rule for rule in RULES for sentence in sentences if rule in sentence}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("block", range(4))
def test_every_spelling_has_the_right_value_after_any_passes(name, block):
    form = FORMS[name]
    for seed in range(block * 10, block * 10 + 10):
        x = tt.input("x", EXTREME.shape, "float64")
        y, scale = written(seed, name, x)
        program = tt.compile([x], y, passes=some_passes(seed), backend="reference")
        want = form.exact(EXTREME * scale)
        np.testing.assert_allclose(program(EXTREME), want, rtol=1e-12, atol=1e-12, err_msg=f"seed {seed}")


@pytest.mark.parametrize("name", FORMS)
def test_what_is_reported_does_not_depend_on_the_spelling(name):
    for seed in range(25):
        x = tt.input("x", EXTREME.shape, "float64")
        y, _ = written(seed, name, x)
        program = tt.compile([x], y, passes=("simplify",), backend="reference")
        found = recognised(program)
        is_right = found <= FORMS[name].rules and (found or "max" in str(program.source_graph))
        assert is_right, f"seed {seed}: {found}\n{program.source_graph}"


@pytest.mark.parametrize("passes", [(), None], ids=["no passes", "all passes"])
@pytest.mark.parametrize("name", FORMS)
def test_every_spelling_has_the_gradient_of_the_form(name, passes):
    form = FORMS[name]
    for seed in range(8):
        x = tt.input("x", EXTREME.shape, "float64")
        y, scale = written(seed, name, x)
        slopes = [tt.grad((item * WEIGHT).sum(), x) for item in (y, form.ours(x * scale))]
        options = {} if passes is None else {"passes": passes}
        found, want = tt.compile([x], slopes, backend="reference", **options)(EXTREME)
        np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-12, err_msg=f"seed {seed}")


@pytest.mark.parametrize("backend", FAST)
def test_backends_agree_on_many_spellings_at_once(backend):
    x = tt.input("x", ("n", 3), "float64")
    made = [(name, *written(seed, name, x)) for name in FORMS for seed in range(100, 103)]
    program = tt.compile([x], [y for _, y, _ in made], backend=backend)
    for (name, _, scale), found in zip(made, program(EXTREME), strict=True):
        want = FORMS[name].exact(EXTREME * scale)
        np.testing.assert_allclose(found, want, rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("names", [["fold_constants"], ["fold_constants", "simplify"], ["simplify"]])
def test_constants_have_the_value_of_the_stable_form(names):
    x = tt.constant(EXTREME)
    for name, form in FORMS.items():
        for seed in range(4):
            y, scale = written(seed, name, x)
            value = tt.compile([], y, passes=names, backend="reference")()
            want = form.exact(EXTREME * scale)
            np.testing.assert_allclose(value, want, rtol=1e-12, atol=1e-12, err_msg=f"{name}, seed {seed}")


@pytest.mark.parametrize("constant", [1000.0, 5.0, [1000.0, 5.0, -1000.0], [5.0, 6.0, 7.0]], ids=str)
def test_an_exponential_of_a_constant_keeps_its_exponent_beside_another(constant):
    x, c = tt.input("x", (3,), "float64"), tt.constant(np.array(constant))
    raised = tt.exp(c)
    y = [tt.exp(x) / (tt.exp(x) + raised), tt.log(tt.exp(x) + raised), tt.log(raised / tt.exp(x).sum())]
    point = np.array([1000.0, 999.0, -1000.0])
    total = np.logaddexp.reduce(point)
    for passes in (["fold_constants", "simplify"], ["simplify", "fold_constants"]):
        share, both, log = tt.compile([x], y, passes=passes, backend="reference")(point)
        np.testing.assert_allclose(share, np.exp(-np.logaddexp(0, np.array(constant) - point)), rtol=1e-11)
        np.testing.assert_allclose(both, np.logaddexp(point, constant), rtol=1e-12)
        np.testing.assert_allclose(log, np.broadcast_to(np.array(constant) - total, log.shape), rtol=1e-12)


def test_a_spelling_without_stabilising_passes_is_what_was_written():
    x = tt.input("x", (3,), "float64")
    e = tt.exp(x)
    program = tt.compile([x], [e / e.sum(), tt.log(1 + tt.exp(x))], passes=(), backend="reference")
    share, soft = program(np.array([1000.0, 0.0, 0.0]))
    assert np.isnan(share[0])
    assert soft[0] == np.inf
