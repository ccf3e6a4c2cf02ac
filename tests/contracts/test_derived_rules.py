"""What ships as derived is what sympy derives, and it is enough for everything that is built in."""

import subprocess
import sys
from pathlib import Path

import pytest

from compiler.ir.formula import derived
from compiler.ir.formula.derivative import derive, derive_anew, rule_key
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.printing import print_body
from tests.derive_rules import derive_all, search_all, source

EVERYTHING = """
import sys, numpy as np, tinytorch as tt
x = tt.input("x", ("n", 6), "float32")
labels = tt.input("labels", ("n",), "int64")
activations = [item() for name, item in sorted(vars(tt.nn).items()) if isinstance(item, type)
               and item.__module__ == "tinytorch.nn.activations" and name not in ("Activation", "Module")]
assert len(activations) > 10
layers = [layer for item in activations for layer in (tt.nn.Dense(6, 6), item, tt.nn.LayerNorm(6))]
net = tt.nn.Sequential(*layers)
loss = tt.losses.cross_entropy(net(x), labels) + tt.losses.mse(net(x), x)
loss = loss + tt.losses.binary_cross_entropy_with_logits(net(x), tt.sigmoid(x)) + tt.norm(x) + x.std()
loss = loss + (0.5 * x ** 2 + 3 / (x * x + 1.5) - x / 7).sum() + tt.clip(x, -1, 1).mean() + tt.max(x)
loss = loss + tt.einsum("ij,ij->", x, x)
loss = loss + (tt.leaky_relu(x, negative_slope=0.2) + tt.elu(x, alpha=2.0) + tt.softplus(x, beta=3)).sum()
loss = loss + (tt.clip(x, -0.3, 7) + tt.clip(x, min=-0.3) + tt.clip(x, max=7)).sum()
y, target = net(x), tt.sigmoid(x)
of_two = [item for name, item in vars(tt.losses).items() if name in (
    "l1 huber smooth_l1 soft_margin kl_div poisson_nll hinge_embedding multilabel_soft_margin".split())]
loss = loss + sum(item(y, target) for item in of_two)
loss = loss + tt.losses.gaussian_nll(y, target, tt.exp(y), full=True)
loss = loss + tt.losses.kl_div(y, y, log_target=True) + tt.losses.poisson_nll(y, target, full=True)
loss = loss + tt.losses.cross_entropy(y, labels, [1.0] * 6, ignore_index=1, label_smoothing=0.1)
loss = loss + tt.losses.binary_cross_entropy_with_logits(y, target, pos_weight=[2.0] * 6)
loss = loss + tt.losses.multi_margin(y, labels) + tt.losses.margin_ranking(y, x, target)
loss = loss + tt.losses.triplet_margin(y, x, target) + tt.losses.cosine_embedding(y, x, target[:, 0])
tt.grad(loss, x)
grads = tt.grad(loss, net.parameters())
tt.grad(sum((grad * grad).sum() for grad in grads), net.parameters()[:2])
step = tt.compile([x, labels], loss, updates=tt.optim.AdamW(net.parameters(), lr=0.1).updates(loss))
layer = tt.nn.Dense(6, 6)
loss = tt.losses.mse(layer(x), x)
for name in "SGD Adam AdamW Adamax NAdam RAdam RMSprop Adagrad Adadelta Lion".split():
    optimiser = getattr(tt.optim, name)(layer.parameters(), lr=0.1 * tt.optim.schedules.cosine(9, warmup=2))
    step = tt.compile(x, loss, updates=optimiser.updates(loss))
print(*(name for name in ("sympy", "mpmath") if name in sys.modules))
"""


@pytest.mark.slow
def test_what_ships_is_what_is_derived():
    shipped = Path(derived.__file__).read_text(encoding="utf-8")
    assert source(derive_all(), search_all()) == shipped, (
        "run `python -m tests.derive_rules` and read the difference"
    )


def test_a_sample_of_what_ships_is_what_is_derived():
    for text in ("silu(x) = x * sigmoid(x)", "div(x, y) = x / y", "gelu(x) = x * normcdf(x)"):
        formula = parse_formula(text)
        assert derived.SHIPPED[rule_key(formula, 0)] == print_body(derive_anew(formula, 0))


def test_what_ships_reads_back_as_itself():
    for key, text in derived.SHIPPED.items():
        head = key.partition(" = ")[0].partition(" of ")[2]
        parameters = "(x, y, z)" if head.startswith("atom ") else head
        body = text or key
        assert (
            print_body(parse_formula(f"f{parameters if '(' in parameters else '(x, y, z)'} = {body}")) == text
        )


def test_every_built_in_trains_to_second_order_without_sympy():
    run = subprocess.run([sys.executable, "-c", EVERYTHING], capture_output=True, text=True, check=False)
    assert run.stderr == ""
    assert run.stdout.split() == []


@pytest.mark.parametrize(
    ("text", "parameter", "partial"),
    [
        ("mul(x) = x * 3.0", 0, "3.0"),
        ("mul(y) = 2 * y", 0, "2"),
        ("add(x) = x + 1e-05", 0, "1"),
        ("sub(y) = 1.0 - y", 0, "-1"),
        ("div(y) = 3.0 / y", 0, "-(3.0 / y / y)"),
        ("maximum(x) = maximum(x, 0.5)", 0, "where(x == 0.5, 0.5, where(x < 0.5, 0.0, 1.0))"),
    ],
)
def test_an_atom_of_a_literal_has_the_atoms_own_partial(text, parameter, partial):
    formula = parse_formula(text)
    assert print_body(derive(formula, parameter)) == partial


def test_powers_of_a_literal_are_simplified_by_sympy():
    assert print_body(derive(parse_formula("pow(x) = x ** 2"), 0)) == "2 * x"
    assert print_body(derive(parse_formula("pow(x) = x ** 7"), 0)) == "7 * x ** 6"
