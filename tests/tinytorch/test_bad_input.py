"""Whatever is wrong has a typed error that names the operand, its type, the user's own line and the fix."""

from collections.abc import Callable

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import TinytorchError

HERE = r"test_bad_input\.py:\d+: "
x = tt.input("x", ("n", 3))
w = tt.parameter(np.ones(3, np.float32), "w")
i = tt.input("i", ("n",), "int64")
k = tt.input("k", (), "int32")
X = rf"%x : f32\[n,3\], from \S*{HERE}x = tt\.input\(\"x\", \(\"n\", 3\)\)"
W = rf"%w : f32\[3\], from \S*{HERE}w = tt\.parameter"
I = rf"%i : i64\[n\], from \S*{HERE}i = tt\.input"  # noqa: E741  # the operand i


def gradient_of_a_product():
    """By values that are multiplied at indices that a call may give twice."""
    v, at = tt.input("v", (2,)), tt.input("at", (2,), "int64")
    return tt.grad(tt.ones((3,)).at[at].multiply(v).sum(), v)


program = tt.compile([x, i], (x * w).sum(axis=1) + i)
A = np.ones((2, 3), np.float32)
N = np.arange(2)

CALLS: dict[str, tuple[Callable[[], object], type[TinytorchError], str]] = {
    "missing": (lambda: program(A), tt.ArgumentError, rf"input 'i' is missing: {I}"),
    "too many": (lambda: program(A, N, N), tt.ArgumentError, "3 arguments for 2 inputs: x, i"),
    "twice": (lambda: program(A, x=A), tt.ArgumentError, "input 'x' is given twice, by position and by name"),
    "unknown": (lambda: program(A, z=N), tt.ArgumentError, "no input is named 'z'; the inputs are x, i"),
    "wrong dtype": (
        lambda: program(A.astype(np.float64), N),
        tt.DTypeError,
        r"input 'x' is f32\[n,3\] and was given float64\n  fix: array.astype\(np.float32\)",
    ),
    "floats for ints": (lambda: program(A, N + 0.5), tt.DTypeError, "input 'i' is .* given float64"),
    "NaN labels": (lambda: program(A, [np.nan, 1]), tt.DTypeError, "input 'i' is .* given float64"),
    "complex": (lambda: program(A + 0j, N), tt.DTypeError, "input 'x' is .* given complex64"),
    "objects": (lambda: program(np.full((2, 3), None), N), tt.DTypeError, "input 'x' is .* given object"),
    "strings": (lambda: program([["a", 1, 2]], N), tt.DTypeError, "input 'x' is .* given <U"),
    "ragged": (
        lambda: program([[1, 2], [3]], N),
        tt.DTypeError,
        r"'x' is f32\[n,3\]; not a rectangular array",
    ),
    "out of int64": (lambda: program(A, [2**70, 1]), tt.DTypeError, "input 'i' is .* given object"),
    "tensor": (lambda: program(x, N), tt.SymbolicValueError, f"{X} has no value before a program runs"),
    "wrong extent": (
        lambda: program(A[:, :2], N),
        tt.ShapeError,
        r"'x' is f32\[n,3\]: axis 1 has 2 elements and needs 3",
    ),
    "wrong batch": (
        lambda: program(A, np.arange(3)),
        tt.ShapeError,
        r"'i' is i64\[n\]: axis 0 has 3 elements and needs 2 \(n, set by input 'x'\)",
    ),
    "wrong rank": (lambda: program(A[0], N), tt.ShapeError, r"'x' is f32\[n,3\] and was given shape \[3\]"),
}

BUILDS: dict[str, tuple[Callable[[], object], type[TinytorchError], str]] = {
    "negative extent": (lambda: tt.input("a", (-1,)), tt.ShapeError, "an extent is not negative: -1"),
    "broken extent": (lambda: tt.input("a", ("2a",)), tt.ParseError, "not an extent: '2a'"),
    "fraction of an extent": (
        lambda: tt.input("a", (1.5,)),
        tt.ShapeError,
        "an extent is an int, a name or a Dim, not 1.5",
    ),
    "shape is an int": (
        lambda: tt.input("a", 3),
        tt.ShapeError,
        r"a shape is a sequence of extents such as \(3,\)",
    ),
    "shape is a name": (lambda: tt.input("a", "n"), tt.ShapeError, r"such as \('n',\), not 'n'"),
    "no name": (lambda: tt.input(""), tt.ArgumentError, "a name is a string with something in it, not ''"),
    "name of a value": (lambda: (x * 2).named(""), tt.ArgumentError, "a name is a string"),
    "name of a leaf": (lambda: w.named("v"), tt.ArgumentError, f"{W}.* is a leaf; name it where it is made"),
    "quarter precision": (
        lambda: tt.input("a", (), "float8"),
        tt.DTypeError,
        "dtype 'float8' is none of bool, uint8, int8, int16, int32, int64, float16, bfloat16, float32, fl",
    ),
    "constant of strings": (
        lambda: tt.constant(["a"]),
        tt.DTypeError,
        "not an array of bools, integers or floats but of <U1",
    ),
    "ragged constant": (
        lambda: tt.constant([[1], [2, 3]]),
        tt.DTypeError,
        "not a rectangular array of numbers",
    ),
    "constant of uint16": (
        lambda: tt.constant(np.uint16(1)),
        tt.DTypeError,
        r"dtype 'uint16' is none of bool, uint8(.|\n)*fix: array.astype\(np.float32\)",
    ),
    "a symbol beside a number": (
        lambda: tt.input("a", ("n",)) + tt.input("b", (3,)),
        tt.ShapeError,
        r"n and 3 do not broadcast(.|\n)*fix: a symbolic dimension is equal to no number",
    ),
    "classes of floats": (
        lambda: tt.losses.cross_entropy(tt.input("a", (2, 3)), tt.input("b", (2,))),
        tt.DTypeError,
        r"class indices are int32 or int64, not float32(.|\n)*fix: targets.astype\('int64'\)",
    ),
    "parameter of an object": (lambda: tt.parameter(object()), tt.DTypeError, "but of object: <object"),
    "bool of a tensor": (
        lambda: bool(x > 0),
        tt.SymbolicValueError,
        r"neither true nor false; use tt.where\(condition, a, b\)",
    ),
    "chained comparison": (
        lambda: 0 < x < 1,
        tt.SymbolicValueError,
        "or & | ~ on conditions".replace("|", r"\|"),
    ),
    "float of a tensor": (lambda: float(x), tt.SymbolicValueError, f"{X} has no value before a program runs"),
    "array of a tensor": (lambda: np.asarray(x), tt.SymbolicValueError, "use tt.compile"),
    "length of a symbolic axis": (lambda: len(x), tt.SymbolicValueError, r"the length of .*%x.* is n"),
    "mask as an index": (
        lambda: x[x > 0],
        tt.ShapeError,
        f"how many elements a mask selects is not known before a call: .*{HERE}.*\n  fix: use tt.where",
    ),
    "string as an index": (lambda: x["a"], tt.ShapeError, f"'a' is no index of axis 0 of {X}"),
    "float as an index": (lambda: x[1.5], tt.ShapeError, f"1.5 is no index of axis 0 of {X}"),
    "too many indices": (lambda: x[0, 0, 0], tt.ShapeError, f"too many indices for 2 axes: {X}"),
    "two ellipses": (lambda: x[..., ...], tt.ShapeError, "too many indices"),
    "index out of range": (lambda: x[:, 5], tt.ShapeError, f"index 5 is outside axis 1 of {X}"),
    "indices that do not broadcast": (
        lambda: x[[1, 0], [0, 1, 2]],
        tt.ShapeError,
        "an index: 2 and 3 do not broadcast",
    ),
    "an index of another axis": (lambda: x[[0], [3]], tt.IndexRangeError, f"index 3 at .0. .* axis 1 of {X}"),
    "a mask of another shape": (
        lambda: tt.input("x", (3, 2))[np.ones(2, bool)],
        tt.ShapeError,
        r"a mask of \[2\] is not of axes \[0\] of %x",
    ),
    "a mask of a symbolic axis": (
        lambda: x[np.ones(2, bool)],
        tt.ShapeError,
        rf"a mask of \[2\] is not of axes \[0\] of {X}",
    ),
    "one bool": (lambda: x[np.array(True)], tt.ShapeError, f"one bool is no mask of {X}"),
    "an assignment": (
        lambda: x.__setitem__(0, 1.0),
        tt.ArgumentError,
        rf"tensors never change: {X}.*\n  fix: x = x.at\[key\].set",
    ),
    "values of another dtype": (
        lambda: tt.input("k", (3,), "int64").at[0].set(0.5),
        tt.DTypeError,
        r"%k.* cannot hold .*\n  fix: cast one",
    ),
    "values of another shape": (
        lambda: x.at[[0, 1]].set(tt.input("v", (3, 3))),
        tt.ShapeError,
        rf"not broadcast to the \[2, 3\] the key selects: .*%v.*\n  {X}",
    ),
    "bools that are added": (
        lambda: tt.input("b", (3,), "bool").at[0].add(True),
        tt.DTypeError,
        "bools are set, and have no add: .*%b",
    ),
    "a float index": (lambda: x[np.array([0.5])], tt.ShapeError, "an index is an int32 or int64 tensor"),
    "a product by equal indices": (
        gradient_of_a_product,
        tt.GradientError,
        r"multiplied at indices that may be equal: .*\n.*%at.*\n  fix: give indices that are known",
    ),
    "a reduction that is none": (
        lambda: tt.scatter_reduce(x, 0, [[0]], 1.0, "median"),
        tt.ArgumentError,
        "reduce is one of sum, prod, mean, amax, amin, not 'median'",
    ),
    "indices of fewer axes": (
        lambda: tt.gather(x, 0, [0, 1]),
        tt.ShapeError,
        rf"indices have as many axes as what they pick from: .*\n  {X}.*\n  fix: tt.take",
    ),
    "a mask that a call knows": (
        lambda: tt.masked_select(x, x > 0),
        tt.ShapeError,
        "how many elements a mask selects is not known before a call",
    ),
    "ids of other elements": (
        lambda: tt.segment_sum(x, np.zeros(2, int), 3),
        tt.ShapeError,
        rf"segment_ids have the first axes of what they divide: .*\n  {X}",
    ),
    "a segment that is none": (
        lambda: tt.segment_sum(tt.input("x", (2,)), [0, 3], 3),
        tt.IndexRangeError,
        r"index 3 at \[1\] is outside 3 classes",
    ),
    "a mode of take": (
        lambda: tt.take(x, [0], 0, mode="ignore"),
        tt.ArgumentError,
        "mode is 'raise', 'wrap' or",
    ),
    "a diagonal of a cube": (
        lambda: tt.diag(tt.input("c", (2, 2, 2))),
        tt.ShapeError,
        "diag is of 1 or 2 axes",
    ),
    "slice of unknown size": (
        lambda: x[1:5],
        tt.ShapeError,
        f"has a size that is no polynomial: {X}(.|\n)*fix: slice from the start",
    ),
    "operand that is no number": (lambda: x + "a", tt.DTypeError, "but of <U1: 'a'"),
    "compared with None": (lambda: x == None, tt.DTypeError, ("but of object: None")),  # noqa: E711  # what is tested
    "and of floats": (
        lambda: x & x,
        tt.DTypeError,
        rf"and takes bools and integers, not float32; compare first(.|\n)*{X}",
    ),
    "sum of bools": (
        lambda: (x > 0) + (x > 0),
        tt.DTypeError,
        "add is not defined for bool; cast an operand",
    ),
    "literal out of int64": (
        lambda: i + 2**70,
        tt.DTypeError,
        r"add: the literal \d+ is no int64; cast the other",
    ),
    "literal out of int32": (lambda: k + 2**40, tt.DTypeError, r"add: the literal 1099511627776 is no int32"),
    "integer to a negative power": (
        lambda: i**-1,
        tt.DTypeError,
        "an integer tensor has no negative powers",
    ),
    "matmul": (
        lambda: x @ x,
        tt.ShapeError,
        f"matmul: the axes that meet have different extents, 3 and n\n  {X}",
    ),
    "matmul of a scalar": (lambda: x @ k, tt.ShapeError, r"matmul needs axes; multiply by a scalar with \*"),
    "two symbols": (
        lambda: x + tt.input("y", ("m", 3)),
        tt.ShapeError,
        rf"add: n and m do not broadcast at axis -2\n  {X}\n  %y : f32\[m,3\](.|\n)*fix: two symbolic "
        rf"dimensions are equal only if they have one name",
    ),
    "two numbers": (
        lambda: w + np.ones(4),
        tt.ShapeError,
        rf"add: 3 and 4 do not broadcast at axis -1\n  {W}(.|\n)*fix: axes broadcast",
    ),
    "step of 0": (
        lambda: w[::0],
        tt.ShapeError,
        rf"slice step cannot be zero: slice\(None, None, 0\) of axis 0 of {W}",
    ),
    "slice of fractions": (lambda: w[0:1.5], tt.ShapeError, rf"slice indices .* of axis 0 of {W}"),
    "padding of no axis": (lambda: tt.pad(x, 1), tt.ArgumentError, rf"padding {X} needs a pair .* not \[1\]"),
    "axis out of range": (
        lambda: x.sum(axis=5),
        tt.ShapeError,
        rf"axis 5 is out of range for 2 axes: {X}\n  fix: an axis from -2 to 1",
    ),
    "axis twice": (lambda: x.sum(axis=(0, -2)), tt.ShapeError, rf"an axis is given twice: \[0, -2\]: {X}"),
    "axis that is no int": (lambda: x.sum(axis=1.0), tt.ShapeError, rf"an axis is an int, not 1.0: {X}"),
    "max of nothing": (
        lambda: tt.input("e", (0, 3)).max(axis=0),
        tt.ShapeError,
        "max of no elements has no value",
    ),
    "two holes": (lambda: x.reshape(-1, -1), tt.ShapeError, "only one extent can be -1"),
    "reshape that does not divide": (
        lambda: x.reshape(7, -1),
        tt.ShapeError,
        f"7 does not divide the size of {X}",
    ),
    "reshape to another size": (
        lambda: x.reshape(3, 3),
        tt.ShapeError,
        rf"cannot reshape f32\[n,3\] \(3\*n elements\) to \[3, 3\] \(9 elements\)\n  {X}",
    ),
    "incomplete order": (
        lambda: x.transpose(0),
        tt.ShapeError,
        rf"\[0\] is no order of the 2 axes of f32\[n,3\]\n  {X}",
    ),
    "squeeze": (lambda: x.squeeze(0), tt.ShapeError, f"only unit axes can be squeezed: axes \\[0\\] of {X}"),
    "broadcast": (
        lambda: x.broadcast_to((3, 3)),
        tt.ShapeError,
        rf"does not broadcast to \[3, 3\] at axes \[0, 1\]\n  {X}",
    ),
    "cast to a string": (lambda: x.astype("str"), tt.DTypeError, "dtype 'str' is none of"),
    "value of an input": (
        lambda: tt.value_of(x),
        tt.ArgumentError,
        f"only a parameter has a value of its own: {X}",
    ),
    "value of another shape": (
        lambda: tt.set_value(w, [1.0, 2.0]),
        tt.ArgumentError,
        rf"{W}.* cannot hold float64\[2\]",
    ),
    "value of another kind": (
        lambda: tt.set_value(tt.parameter(1), 1.5),
        tt.ArgumentError,
        r"cannot hold float64\[\]",
    ),
    "if in a formula": (
        lambda: tt.elementwise("f", lambda a: a if a > 0 else 0),
        tt.FormulaError,
        "a formula has no `if`",
    ),
    "any number of operands": (
        lambda: tt.elementwise("f", lambda *a: 1),
        tt.FormulaError,
        "operands are positional",
    ),
    "no operand": (lambda: tt.elementwise("f", lambda: 1), tt.FormulaError, "'f' takes no operand"),
    "no function": (
        lambda: tt.elementwise("f", 3),
        tt.FormulaError,
        "a formula is a Python function of scalars, not 3",
    ),
    "op without a name": (lambda: tt.elementwise("", lambda a: a), tt.ArgumentError, "a name is a string"),
    "operands of an op": (lambda: tt.relu(x, x), tt.ArgumentError, r"relu takes 1 operand \(x\), not 2"),
    "parameters of an op": (
        lambda: tt.leaky_relu(x, slope=1),
        tt.ArgumentError,
        "leaky_relu has no parameter 'slope'; its parameters are: negative_slope",
    ),
    "gradient of no scalar": (
        lambda: tt.grad(x, x),
        tt.GradientError,
        f"a gradient without a seed is of a scalar: {X}(.|\n)*fix: reduce it first",
    ),
    "gradient of integers": (
        lambda: tt.grad(i.sum(), x),
        tt.GradientError,
        f"only floating values have gradients: .*{HERE}",
    ),
    "gradient by integers": (
        lambda: tt.grad(x.sum(), i),
        tt.GradientError,
        f"only floating tensors have gradients: {I}",
    ),
    "gradient by a number": (
        lambda: tt.grad(x.sum(), 3),
        tt.GradientError,
        "a gradient is by tensors, not by 3",
    ),
    "gradient by what is not reached": (
        lambda: tt.grad(x.sum(), w),
        tt.GradientError,
        rf"does not depend on {W}(.|\n)*fix: leave it out, or tt.grad\(..., allow_unused=True\) for zeros",
    ),
    "seed of another type": (
        lambda: tt.grad(x, x, seed=1.0),
        tt.GradientError,
        r"the seed is f32\[\] and the output is f32\[n,3\]",
    ),
    "undeclared input": (
        lambda: tt.compile([x], x.sum() + k),
        tt.UndeclaredInputError,
        rf"an output depends on input %k : i32\[\], from \S*{HERE}(.|\n)*fix: list it, "
        rf"tt.compile\(\[..., k\], ...\)",
    ),
    "undeclared symbol": (
        lambda: tt.compile([x], tt.arange("q")),
        tt.UndeclaredInputError,
        f"the symbolic dimension 'q' stands in the shape of no input: .*{HERE}",
    ),
    "undetermined symbol": (
        lambda: tt.compile([area := tt.input("area", ("rows*columns",))], area),
        tt.UndeclaredInputError,
        rf"columns\*rows elements do not tell what 'columns' is, and no other axis of an input does: %area : "
        rf"f32\[columns\*rows\], from \S*{HERE}.*\n  fix: name an axis of an input 'columns'",
    ),
    "input listed twice": (lambda: tt.compile([x, x], x), tt.NameClashError, "input 'x' is listed twice"),
    "two inputs of one name": (
        lambda: tt.compile([x, tt.input("x")], x),
        tt.NameClashError,
        rf"two inputs are named 'x':\n  {X}\n  %x : f32\[\], from \S*{HERE}",
    ),
    "parameter named like an input": (
        lambda: tt.compile([x], x * tt.parameter(1.0, "x")),
        tt.NameClashError,
        rf"an input and a parameter are named 'x':\n  {X}(.|\n)*fix: rename one",
    ),
    "two parameters of one name": (
        lambda: tt.compile([x], x * tt.parameter(1.0, "p") * tt.parameter(1.0, "p")),
        tt.NameClashError,
        rf"two parameters are named 'p':\n  %p : f32\[\], from \S*{HERE}(.|\n)*fix: rename one",
    ),
    "parameter that is no part of the module that uses it": (
        lambda: tt.nn.Sequential(lambda given: given @ w)(x),
        tt.UnreachableParameterError,
        rf"would never be trained:\n  {W}(.|\n)*fix: set it as an attribute",
    ),
    "a layer in training whose state is forgotten": (
        lambda: tt.compile([x], tt.nn.BatchNorm1d(3)(x)),
        tt.MissingUpdateError,
        rf"num_batches_tracked : i64\[\](.|\n)*it advances at \S*{HERE}(.|\n)*fix: net.eval\(\)",
    ),
    "a state that does not fit": (
        lambda: tt.nn.Linear(2, 3).load_state_dict({"weight": np.zeros((3, 2))}),
        tt.StateError,
        r"weight is \[2, 3\], and was given \[3, 2\]; its transpose fits(.|\n)*bias is missing",
    ),
    "parameter as an input": (
        lambda: tt.compile([w], w),
        tt.ArgumentError,
        f"the inputs of a program are made by tt.input: {W}",
    ),
    "output that is no tensor": (
        lambda: tt.compile([x], 3),
        tt.ArgumentError,
        "inputs are tensors, and outputs one tensor, a sequence or a dict of tensors, not 3",
    ),
    "nested outputs": (
        lambda: tt.compile([x], [[x]]),
        tt.ArgumentError,
        "outputs one tensor, a sequence or a dict of tensors, not",
    ),
    "outputs by number": (
        lambda: tt.compile([x], {1: x}),
        tt.ArgumentError,
        "a dict of outputs has strings as keys",
    ),
    "updates in a list": (
        lambda: tt.compile([x], x, updates=[(w, w)]),
        tt.ArgumentError,
        "updates map parameters to tensors",
    ),
    "update of an input": (
        lambda: tt.compile([x], x, updates={x: x}),
        tt.ArgumentError,
        f"only parameters are updated, not {X}",
    ),
    "update of another type": (
        lambda: tt.compile([x], x, updates={w: x}),
        tt.ArgumentError,
        f"an update keeps the type: {W}(.|\n)*cannot become {X}",
    ),
    "unknown pass": (
        lambda: tt.compile([x], x, passes=["dance"]),
        tt.PluginError,
        "no pass is named 'dance'; there are: ",
    ),
    "pass that is none": (
        lambda: tt.compile([x], x, passes=[3]),
        tt.PluginError,
        "3 is no pass: it has neither `rewrite` nor `schedule`",
    ),
    "unknown backend": (
        lambda: tt.compile([x], x, backend="abacus"),
        tt.PluginError,
        "no backend is named 'abacus'; there are: ",
    ),
    "backend that is none": (
        lambda: tt.compile([x], x, backend=3),
        tt.PluginError,
        "3 is no backend: it has no `build`",
    ),
    "text that is none": (lambda: tt.parse(3), tt.ArgumentError, "the text of a graph is a str, not 3"),
    "explained number": (
        lambda: tt.explain(3),
        tt.ArgumentError,
        "what is explained is a tensor or a node, not 3",
    ),
}


@pytest.mark.parametrize("case", CALLS)
def test_a_wrong_call_is_a_typed_error_and_changes_nothing(case):
    call, kind, message = CALLS[case]
    before = A.copy(), N.copy(), tt.value_of(w)
    with pytest.raises(kind, match=message):
        call()
    for array, kept in zip((A, N, tt.value_of(w)), before, strict=True):
        np.testing.assert_array_equal(array, kept)


@pytest.mark.parametrize("case", BUILDS)
def test_a_wrong_graph_is_a_typed_error(case):
    build, kind, message = BUILDS[case]
    with pytest.raises(kind, match=message):
        build()


def test_python_numbers_and_lists_take_the_dtype_of_the_input():
    y = tt.input("y", (), "float32")
    program = tt.compile([k, y], [k + 1, y * 2])
    assert [item.tolist() for item in program(3, 4)] == [4, 8.0]
    assert [item.dtype for item in program(True, 0.1)] == [np.int32, np.float32]
    with pytest.raises(tt.DTypeError, match="input 'k' is"):
        program(2**40, 1.0)


def test_arguments_by_name_in_any_order():
    found = program(i=N, x=A)
    np.testing.assert_array_equal(found, program(A, N))


def test_a_number_too_large_for_float32_is_infinite():
    y = tt.input("y", (1,))
    np.testing.assert_array_equal(tt.compile([y], y)([1e300]), [np.inf])


def test_nan_arguments_go_through():
    found = program(np.full((2, 3), np.nan, np.float32), N)
    assert np.isnan(found).all()


def test_polynomial_extents_are_solved_for():
    pairs, ends, both = tt.input("pairs", ("2*a",)), tt.input("ends", ("a+b",)), tt.input("both", ("b*c+1",))
    program = tt.compile([both, ends, pairs], [tt.arange(name) for name in "abc"])
    found = program(*(np.zeros(count, np.float32) for count in (13, 6, 4)))
    assert [len(item) for item in found] == [2, 4, 3]
    with pytest.raises(
        tt.ShapeError,
        match=r"input 'pairs' is f32\[2\*a\]: axis 0 has 5 elements, which does not determine 2\*a",
    ):
        program(*(np.zeros(count, np.float32) for count in (13, 6, 5)))
    with pytest.raises(tt.ShapeError, match=r"input 'both' .* does not determine"):
        program(*(np.zeros(count, np.float32) for count in (12, 6, 4)))


def test_every_public_error_is_raised_somewhere_above():
    tested = {kind for _, kind, _ in [*CALLS.values(), *BUILDS.values()]}
    elsewhere = {
        "BackendError": "the LLVM backend",
        "ClusterError": "clusters",
        "DrawingError": "drawing",
        "KeywordError": "hints",
        "LawError": "the laws",
        "LinearAlgebraError": "linear algebra",
        "MissingLibraryError": "storage",
        "MissingNameError": "hints",
        "ModelError": "onnx",
        "NumericsError": "debugging",
        "PassError": "the pipeline",
        "ShardingError": "sharding",
        "TinytorchError": "the root of all",
        "UnboundArrayError": "parsing",
        "UnsupportedOperatorError": "onnx",
    }
    public = {getattr(tt, name) for name in tt.__all__ if name.endswith("Error") and name not in elsewhere}
    assert {kind.__name__ for kind in public} == {kind.__name__ for kind in tested}
