"""Texts that are no graphs: each is a ParseError with its line, and nothing in it runs."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.errors import ParseError, UnboundArrayError
from compiler.ir.dims import symbol
from compiler.ir.graph import Graph
from compiler.ir.op import Call
from compiler.ir.types import FLOAT32, TensorType
from tests.compiler.ir.strategies import graphs

X = "%x = input : f32[n,3]\n"
END = "return %x\n"

BROKEN = {
    "no return line": (X, "the text has no `return` line"),
    "empty": ("", "the text has no `return` line"),
    "no sentence": ("what is this\n" + END, "line 1: not a line of a graph"),
    "undefined operand": (X + "%y = neg(%z) : f32[n,3]\nreturn %y\n", "line 2: %z is not defined above"),
    "later operand": ("%y = neg(%x) : f32[n,3]\n" + X + "return %y\n", "line 1: %x is not defined above"),
    "undefined output": (X + "return %z\n", "line 2: %z is not defined above"),
    "twice": (X + X + END, "line 2: %x is defined twice"),
    "after return": (X + END + X, "line 3: nothing follows the `return` line"),
    "no type": ("%x = input\nreturn %x\n", "line 1: not a line of a graph"),
    "no such dtype": ("%x = input : f8[3]\n" + END, "line 1: not a tensor type: 'f8[3]'"),
    "negative extent": ("%x = input : f32[-]\n" + END, "line 1: not an extent"),
    "power without exponent": ("%x = input : f32[n^]\n" + END, "line 1: not an extent"),
    "wrong type": (X + "%y = neg(%x) : f32[n,4]\nreturn %y\n", "line 2: ShapeError: operand 0 of neg"),
    "wrong dtype of a reduction": (
        X + "%y[i] = sum[j:4] %x[i,j] : f32[n]\nreturn %y\n",
        "line 2: ShapeError: operand 0 of sum",
    ),
    "no such word": (
        X + "%y = frobnicate(%x) : f32[n,3]\nreturn %y\n",
        "line 2: 'frobnicate' is neither an atom",
    ),
    "too few arguments": (X + "%y = add(%x) : f32[n,3]\nreturn %y\n", "line 2: add takes 2 arguments, not 1"),
    "too many axes": (X + "%y = neg(%x) : f32[3]\nreturn %y\n", "line 2: %x has more axes than the result"),
    "unknown loop": (
        X + "%y[i,j] = neg(%x[i,_,QQ]) : f32[n,3]\nreturn %y\n",
        "line 2: 'QQ' is no loop index",
    ),
    "layout without its field": (
        X + "%y = transpose(%x) : f32[3,n]\nreturn %y\n",
        "transpose: 'order' is missing",
    ),
    "layout with a field of another": (
        X + "%y = transpose(%x, order=[1, 0], axis=1) : f32[3,n]\nreturn %y\n",
        "transpose: 'axis' is missing or unknown",
    ),
    "field of another kind": (
        X + "%y = transpose(%x, order=1) : f32[3,n]\nreturn %y\n",
        "line 2: transpose: order is a list of ints, not 1",
    ),
    "bool for an int": (
        X + "%y = concatenate(%x, axis=true) : f32[n,3]\nreturn %y\n",
        "line 2: concatenate: axis is an int, not True",
    ),
    "layout with no operand": ("%y = reshape(shape=[3]) : f32[3]\nreturn %y\n", "line 1: ValueError"),
    "field given twice": (
        X + "%y = transpose(%x, order=[1,0], order=[1,0]) : f32[3,n]\nreturn %y\n",
        "line 2: transpose",
    ),
    "nested without end": (X + f"%y = reshape(%x, shape={'[' * 99}) : f32[3]\nreturn %y\n", "line 2"),
    "bracket too many": (X + "%y = reshape(%x, shape=3]) : f32[3]\nreturn %y\n", "line 2"),
    "ragged array": ("%y = constant([[1], [2, 3]]) : f32[2]\nreturn %y\n", "line 1: ValueError"),
    "array of another shape": (
        "%y = constant([1, 2]) : f32[3]\nreturn %y\n",
        "line 1: [1, 2] has the shape [2]",
    ),
    "array of a symbolic shape": ("%y = constant([1, 2]) : f32[n]\nreturn %y\n", "line 1"),
    "empty array that is to be huge": ("%y = constant([]) : f32[99999999999]\nreturn %y\n", "line 1"),
    "integer that no dtype holds": (f"%y = constant({'9' * 25}) : i64[]\nreturn %y\n", "line 1"),
    "integer out of range": (
        "%y = constant(99999999999) : i32[]\nreturn %y\n",
        "line 1: 99999999999 is out of range",
    ),
    "float for an integer": ("%y = constant(1.5) : i32[]\nreturn %y\n", "line 1: 1.5 is no i32[]"),
    "number for a bool": ("%y = constant(2) : bool[]\nreturn %y\n", "line 1: 2 is out of range"),
    "reference without @": ("%y = constant(w) : f32[9]\nreturn %y\n", "line 1: w is no f32[9]"),
    "bad reference": (
        "%y = parameter(@) : f32[9]\nreturn %y\n",
        "line 1: a reference such as @w is expected",
    ),
    "bad escape": ('%"\\q" = input : f32[3]\nreturn\n', "line 1"),
    "quote without end": ('%"a = input : f32[3]\nreturn\n', "line 1: not a line of a graph"),
    "call of nothing": (
        X + "%y = call f(%x) : f32[3]\nreturn %y\n",
        "line 2: the text calls 'f': give its op",
    ),
    "broken formula": ("op f(x) = x +\n" + X + END, "line 1: not a formula"),
    "formula of unknown atoms": (
        "op f(x) = system(x)\n" + X + END,
        "line 1: not a formula: 'system' is no atom",
    ),
    "formula twice": ("op f(x) = x\nop f(x) = x\n" + X + END, "line 2: the formula f is defined twice"),
    "formula without a name": ("op (x) = x\n" + X + END, "line 1: not a formula"),
    "deep formula": (f"op f(x) = {'(' * 500}x{')' * 500}\n" + X + END, "line 1: not a formula"),
    "bad update": (X + "update %x = %x\n" + END, "line 2: not an update"),
    "inputs twice": (X + "inputs %x\ninputs %x\n" + END, "line 3: there is one `inputs` line"),
    "inputs that are none": (X + "inputs %x, %x\n" + END, "the `inputs` line lists each input once"),
}


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_graph_is_a_parse_error(text, message):
    with pytest.raises(ParseError, match=re.escape(message)):
        Graph.parse(text)


MALICIOUS = [
    "__import__('os').system('true')",
    "%x = input : __import__('os').system('true')[3]",
    "%x = __import__('os').system('true') : f32[3]",
    "%x = constant(__import__('os').system('true')) : f32[3]",
    "%x = constant([().__class__.__bases__[0].__subclasses__()]) : f32[3]",
    "%x = input : f32[__import__('os').getpid()]",
    "%x = input : f32[9**9**9**9]",
    "%x = input : f32[n^999999999]",
    "op f(x) = __import__('os').system('true')",
    "op f(x) = x.__class__",
    "op f(x) = (lambda: 0)()",
    "op __import__(x) = os.system('true')",
    '%"\\u0000\'); import os; os.abort()" = abort() : f32[3]',
    "update %x <- exec('1')",
    "return eval('1')",
    "%x = call eval(1) : f32[3]",
    "%x = reshape(%x, shape=eval('1')) : f32[3]",
    "%x = constant(@../../etc/passwd) : f32[9]",
]


WATCHED = {"exec", "compile", "open", "import", "os.system", "subprocess.Popen"}
events: list[str] = []
is_watching = False


def note(event: str, _: tuple[object, ...]) -> None:
    if is_watching and event in WATCHED:
        events.append(event)


sys.addaudithook(note)


@contextmanager
def watching() -> Iterator[list[str]]:
    global is_watching
    events.clear()
    is_watching = True
    try:
        yield events
    finally:
        is_watching = False


@pytest.mark.parametrize("line", MALICIOUS)
def test_a_malicious_text_is_an_error_and_runs_nothing(line):
    with pytest.raises(ParseError, match=r"^line 1"), watching() as seen:
        Graph.parse(line + "\nreturn\n")
    assert seen == []


def test_what_a_text_would_run_would_be_seen():
    with watching() as seen:
        exec("1")  # noqa: S102  # the watch is proven to see
    assert seen == ["compile", "exec"]


@given(graphs(), st.data())
def test_a_text_with_an_error_in_it_parses_or_is_a_parse_error(graph, data):
    text = str(graph)
    place = data.draw(st.integers(0, len(text) - 1))
    piece = data.draw(st.sampled_from([*' %@~"\\:[](){}=,*+-^', "", "0", "nan", "x", "9" * 40, "\n", "op "]))
    length = data.draw(st.integers(0, 4))
    with suppress(ParseError):
        Graph.parse(text[:place] + piece + text[place + length :], graph.arrays, graph.calls)


@given(st.text())
def test_any_text_parses_or_is_a_parse_error(text):
    with suppress(ParseError):
        Graph.parse(text)


def test_blank_lines_and_remarks_are_skipped():
    graph = Graph.parse("\n# a remark\n  " + X + "\n" + END)
    assert graph.outputs[0].name == "x"


def test_spaces_do_not_matter():
    graph = Graph.parse(X + "  %y =  add( %x ,%x )  :  f32[ n , 3 ]  \nreturn   %y")
    assert str(graph).splitlines()[1] == "%y = add(%x, %x) : f32[n,3]"


def test_an_array_that_is_not_given_is_an_error_only_when_it_is_needed():
    graph = Graph.parse("%w = parameter(@w) : f32[3]\nreturn %w\n")
    assert str(graph.outputs[0].type) == "f32[3]"
    with pytest.raises(
        UnboundArrayError, match=r"@w was read from text without its array; parse with arrays=\{'w'"
    ):
        _ = graph.outputs[0].op.buffer.array


@pytest.mark.parametrize(
    "array", [np.zeros(4, np.float32), np.zeros(3, np.float64), np.zeros((3, 1), np.float32)]
)
def test_an_array_that_does_not_fit_is_an_error(array):
    with pytest.raises(ParseError, match=r"line 1: @w is f32\[3\] and its array is"):
        Graph.parse("%w = parameter(@w) : f32[3]\nreturn %w\n", {"w": array})


def test_a_given_array_is_copied():
    array = np.zeros(3, np.float32)
    graph = Graph.parse("%w = parameter(@w) : f32[3]\nreturn %w\n", {"w": array})
    array[:] = 1
    assert not graph.outputs[0].op.buffer.array.any()


def test_a_call_is_given_by_its_label():
    op = Call("f", np.negative, TensorType(FLOAT32, (symbol("n"), 3)))
    graph = Graph.parse(X + "%y = call f(%x) : f32[n,3]\nreturn %y\n", calls={"f": op})
    assert graph.outputs[0].op is op


def test_a_parsed_node_has_no_source_line():
    assert Graph.parse(X + END).outputs[0].origin.source is None
