"""What is known of a scalar op, and its documentation."""

import inspect
import math
import subprocess
import sys

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.accuracy import measured
from compiler.ir.types import DType
from tinytorch.cli.commands.ops import known_ops
from tinytorch.facts import facts_of

OPS = known_ops()


@pytest.mark.parametrize("name", OPS)
def test_an_op_documents_itself(name: str) -> None:
    op, facts = OPS[name], facts_of(OPS[name], name)
    text = inspect.getdoc(op)
    assert text is not None
    assert text.startswith(op.meaning)
    assert len(op.meaning.split()) > 3
    for label in ("formula", "LaTeX", "dtypes", "accuracy", *(f"slope by {item}" for item in op.operands)):
        assert f"{label}  " in text, label
    assert facts.to_dict()["meaning"] == op.meaning


@pytest.mark.parametrize("name", [name for name in OPS if OPS[name].operands == ("x",)])
def test_values_lie_in_the_range_and_dtypes_are_those_that_are_computed(name: str) -> None:
    op, facts = OPS[name], facts_of(OPS[name])
    for kind, result in facts.dtypes.items():
        x = tt.input("x", ("n",), kind)
        if result is None:
            with pytest.raises(tt.DTypeError):
                op(x)
            continue
        points = np.array([-700, -20, -3, -1, -0.3, 0, 0.3, 1, 3, 20, 700]).astype(DType(kind).numpy)
        found = tt.compile([x], op(x), passes=(), backend="reference")(points)
        assert found.dtype == result
        numbers = found.astype(float)[np.isfinite(found.astype(float))]
        if DType(kind).is_storage and DType(kind).is_integer:
            continue  # they wrap around
        assert ((facts.low <= numbers) & (numbers <= facts.high)).all()


def test_bounds_are_told_where_there_are_some() -> None:
    assert (facts_of(tt.sigmoid).low, facts_of(tt.sigmoid).high) == (0, 1)
    assert (facts_of(tt.tanh).low, facts_of(tt.tanh).high) == (-1, 1)
    assert "values  from 0 on" in str(facts_of(tt.relu))
    assert facts_of(tt.mish).high == math.inf
    assert "values" not in str(facts_of(tt.logical_and))


def test_errors_are_those_of_the_table() -> None:
    cases = {case for case in measured() if case.activation == "gelu"}
    assert {case for case, _ in facts_of(tt.elementwise("gelu", lambda x: tt.gelu(x))).errors} == cases
    assert "float32 value: " in (tt.exp.__doc__ or "")
    assert str(facts_of(tt.abs)).endswith("accuracy  exact\n")
    assert "the number nearest to the exact result" in str(facts_of(tt.multiply))


def test_a_users_op_says_what_its_user_says() -> None:
    named = tt.elementwise("bent", lambda x, *, k=2.0: x + k * tt.abs(x), doc="A line with a bend.")
    assert (named.__doc__ or "").startswith("A line with a bend.\n\n")
    assert "default  k = 2.0" in (named.__doc__ or "")

    def twice(x):
        """What is there, and as much again."""
        return x + x

    assert tt.elementwise("twice", twice).meaning == "What is there, and as much again."
    assert (tt.elementwise("plain", lambda x: x + 1).__doc__ or "").startswith(
        "Computed element by element, from one formula."
    )


def test_the_class_has_a_text_of_its_own() -> None:
    assert (tt.Elementwise.__doc__ or "").startswith("A scalar formula as a function")
    assert "Whether both" not in (type(tt.logical_and).__doc__ or "")


def test_documentation_is_not_made_when_tinytorch_is_imported() -> None:
    code = "import sys, tinytorch; assert 'tinytorch.facts' not in sys.modules; tinytorch.exp.__doc__"
    subprocess.run([sys.executable, "-c", code], check=True)
