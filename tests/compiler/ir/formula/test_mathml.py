"""MathML from the LaTeX of formulas and ops."""

from html.entities import html5
from xml.etree import ElementTree

import pytest

import tinytorch as tt
from compiler.autodiff.explain import explain_node
from compiler.ir.formula.atoms import ATOMS
from compiler.ir.formula.mathml import mathml


def parsed(text: str) -> ElementTree.Element:
    """The MathML as XML, with HTML's names of signs replaced."""
    for name in {"sum;", "minus;", "middot;", "Phi;", "varphi;", "sigma;", "pi;", "infin;", "dot;", *html5}:
        if name.endswith(";") and f"&{name}" in text and name not in ("lt;", "gt;", "amp;", "quot;"):
            text = text.replace(f"&{name}", html5[name])
    return ElementTree.fromstring(text)


def said(text: str) -> str:
    """What is written, without structure."""
    return "".join(parsed(mathml(text)).itertext())


@pytest.mark.parametrize("atom", ATOMS.values(), ids=list(ATOMS))
def test_every_atom_is_well_formed_and_shows_its_arguments(atom) -> None:
    latex = atom.latex.format(x="p", y="q", z="r")
    text = said(latex)
    assert all(letter in text for letter in "pqr"[: atom.arity])
    assert "\\" not in text
    assert "{" not in text.removeprefix("{")


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (
            r"\frac{x + 1}{y}",
            "<mfrac><mrow><mi>x</mi><mo>+</mo><mn>1</mn></mrow><mrow><mi>y</mi></mrow></mfrac>",
        ),
        (r"{x}^{2}", "<msup><mrow><mi>x</mi></mrow><mrow><mn>2</mn></mrow></msup>"),
        (r"y_{i 0}", "<msub><mi>y</mi><mrow><mi>i</mi><mn>0</mn></mrow></msub>"),
        (r"\sum_{k} x", "<munder><mo>&sum;</mo><mrow><mi>k</mi></mrow></munder><mi>x</mi>"),
        (r"\sqrt{x}", "<msqrt><mrow><mi>x</mi></mrow></msqrt>"),
        (r"\sqrt[3]{x}", "<mroot><mrow><mi>x</mi></mrow><mrow><mn>3</mn></mrow></mroot>"),
        (r"\operatorname{sech}^2(x)", '<msup><mi mathvariant="normal">sech</mi><mn>2</mn></msup>'),
        (r"\left(x\right)", "<mrow><mo>(</mo><mi>x</mi><mo>)</mo></mrow>"),
        (r"\mathrm{my\_name}", '<mi mathvariant="normal">my_name</mi>'),
        (r"-x", "<mo>&minus;</mo><mi>x</mi>"),
        (r"\mathrm{a<b}", "a&lt;b"),
        (r"\begin{cases} x & y \\ z & 0 \end{cases}", "<mtr><mtd><mrow><mi>z</mi></mrow></mtd>"),
    ],
)
def test_what_is_written_how(latex: str, expected: str) -> None:
    assert expected in mathml(latex)
    parsed(mathml(latex))


def test_long_numbers_are_shortened() -> None:
    assert said("0.7978845608028654") == "0.797885"
    assert said("12.5") == "12.5"


@pytest.mark.parametrize("name", list(tt.testing.PROGRAMS))
def test_every_formula_of_every_program_is_well_formed(name: str) -> None:
    case = tt.testing.PROGRAMS[name]()
    program = tt.compile(case.inputs, case.outputs, updates=case.updates, backend="reference")
    seen = 0
    for graph in (program.source_graph, program.graph):
        for node in graph.nodes:
            latex = explain_node(node, graph.names).latex
            if latex is not None:
                text = said(latex)
                assert "\\" not in text
                seen += 1
    assert seen
