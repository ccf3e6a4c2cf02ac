"""An explanation is data, and its text has the formula, where it is from, and how a gradient came about."""

import tinytorch as tt
from compiler.ir.graph import Graph


def rows(text: str) -> dict[str, str]:
    return {line[:12].strip(): line[14:] for line in reversed(text.splitlines())}


def test_a_forward_node():
    x = tt.input("x", ("n",))
    y = tt.gelu(x).named("h")
    found = tt.explain(y)
    assert found.formula == "gelu(x) = x * normcdf(x)"
    assert found.latex == r"\operatorname{gelu}(x) = x \, \Phi(x)"
    assert found.line == "%h = gelu(%x) : f32[n]"
    assert found.definitions == ("normcdf(x) = (1 + erf(x / sqrt(2))) / 2",)
    assert found.maker == "user"
    assert found.derivation == ()
    assert found.source is not None
    assert found.source.text == 'y = tt.gelu(x).named("h")'


def test_a_gradient_has_its_derivation():
    x = tt.input("x", ("n",))
    loss = tt.gelu(x).sum()
    (slope,) = tt.grad(loss, [x])
    found = tt.explain(slope)
    assert found.maker == "grad"
    assert found.rule == "d gelu / d x"
    assert found.operand == 0
    assert found.of is not None
    assert found.of.op.name == "gelu"
    assert found.derivation[0] == "gelu(x) = x * normcdf(x)"
    assert found.derivation[1].startswith("d gelu / d x = normcdf(x) + x * normpdf(x)")
    assert found.derivation[2] == "adjoint: gelu'(g, x) = g * (normcdf(x) + x * normpdf(x))"
    shown = rows(str(found))
    assert shown["made by"] == "grad: d gelu / d x"
    assert shown["gradient of"].startswith("a result of gelu : f32[n], from ")


def test_what_was_recognised_is_said():
    f = tt.elementwise("f", lambda a: tt.log(1 + tt.exp(a)))
    found = tt.explain(f(tt.input("x")))
    assert found.recognised
    assert "softplus" in str(found)


def test_reductions_and_winners_say_what_they_do():
    x = tt.input("x", ("n", 3))
    (by_sum,) = tt.grad((x @ tt.constant([1.0, 2.0, 3.0])).sum(), [x])
    assert any("the cotangent times the other factors" in line for line in tt.explain(by_sum).derivation)
    (by_max,) = tt.grad(x.max(axis=1).sum(), [x])
    assert tt.explain(by_max).derivation == (
        ("the cotangent goes to the winners, in equal shares where they tie"),
    )


def test_an_exponential_below_its_largest_argument_is_its_own_slope():
    x = tt.input("x", ("n", 3))
    (slope,) = tt.grad(tt.log_softmax(x).sum(), [x])
    (by_exp,) = [node for node in Graph.of([slope.node]).nodes if node.origin.rule.startswith("exp")]
    assert tt.explain(tt.Tensor(by_exp)).derivation == (
        "adjoint: the cotangent times the value, which no finite x takes above 1",
    )


def test_a_contraction_and_its_gradient_have_formulas():
    x, w = tt.input("x", ("n", 3)), tt.input("w", (3, 2))
    product = x @ w
    found = tt.explain(product)
    assert found.formula == "y[i,j] = sum over k < 3 of a[i,k] * b[k,j]"
    assert found.latex == r"y_{i j} = \sum_{k} a_{i k} \, b_{k j}"
    slope = tt.explain(tt.grad(product.sum(), w))
    assert slope.formula is not None
    assert slope.derivation == (
        found.formula,
        "adjoint: the cotangent times the other factors, summed over the loops that b has not",
    )
    largest = tt.explain(x.argmax(axis=1))
    assert largest.formula == "y[i] = argmax over j < 3 of x[i,j]"
    assert largest.latex == r"y_{i} = \operatorname{argmax}_{j} x_{i j}"


def test_a_sum_of_gradients_is_a_cotangent():
    x = tt.input("x", ())
    y = tt.exp(x)
    total = tt.grad(y * y + y, y)
    shown = rows(str(tt.explain(total)))
    assert shown["made by"] == "grad: sum over the uses of a value"
    assert shown["cotangent of"].startswith("a result of exp : f32[], from ")


def test_a_leaf_has_little_to_say():
    found = tt.explain(tt.input("x", ("n",)))
    assert (found.formula, found.latex, found.definitions) == (None, None, ())
    assert "node  %x = input : f32[n]" in str(found)
