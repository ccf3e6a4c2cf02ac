"""What a notebook is given of each kind of answer."""

import pickle
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import tinytorch as tt
from compiler.schedule.tables import Table
from tests.tinytorch.notebook.answers import ANSWERS, SETUP
from tinytorch.core.tensor import Tensor as LazyTensor
from tinytorch.fitting.history import FitHistory
from tinytorch.notebook import markup
from tinytorch.notebook.asked import ASKED
from tinytorch.notebook.views import LARGEST, LARGEST_PAGE, VIEWS, html_of

VOID = {"br", "img", "hr"}


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    found: dict[str, Any] = {}
    exec(SETUP, found)  # noqa: S102  # our own text
    return found


class Balance(HTMLParser):
    """Fails where an element is closed that was not opened last; collects tags and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)


def test_every_view_has_an_answer_here() -> None:
    assert sorted(kind.__name__ for kind in (*VIEWS, *ASKED, FitHistory)) == sorted(ANSWERS)


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_shows_itself_and_its_text(
    kind: str, names: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    value = eval(ANSWERS[kind], names)  # noqa: S307  # our own text
    assert type(value).__name__ == kind
    bundle = value._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert bundle["text/plain"].strip()
    assert not bundle["text/plain"].startswith(f"<{kind} object")
    read = Balance(bundle["text/html"])
    assert "script" not in read.tags
    assert {"table", "figure", "details", "iframe"} & set(read.tags)
    assert not re.search(r'(?:src|href)="(?!#)', bundle["text/html"])
    assert "http" not in re.sub(r'(xmlns(:\w+)?|srcdoc)="[^"]*"', "", bundle["text/html"])


def test_a_table_in_html_has_the_cells_of_the_table_in_text(names: dict[str, Any]) -> None:
    for value in (names["step"].cost, names["step"].plan, names["step"].memory, names["step"].history):
        texts = set(Balance(html_of(value) or "").texts)
        for table in value.tables:
            assert texts >= {cell for row in (table.headings, *table.rows) for cell in row if cell}
            assert texts >= set(table.notes)
            assert str(table) in str(value)


def test_a_formula_is_mathematics(names: dict[str, Any]) -> None:
    step = names["step"]
    node = next(node for node in step.graph.nodes if node.op.name == "gelu'")
    assert {"math", "mi", "pre"} <= set(Balance(html_of(step.explain(node)) or "").tags)


def test_what_a_user_names_is_text_and_nothing_else() -> None:
    x = tt.input("x", ("n",))
    program = tt.compile([x], (x * 2).named("<script>alert(1)</script>"))
    for value in (program, program.graph, program.why(program.graph.outputs[0]), program.plan):
        found = html_of(value) or ""
        assert "<script" not in found
        assert "&lt;script" in found


def test_a_picture_is_as_wide_as_the_page_at_most(names: dict[str, Any]) -> None:
    found = html_of(names["step"]) or ""
    assert re.search(r'<svg role="img" aria-label="graph of \d+ nodes" width="\d+"\s+viewBox=', found)
    assert "figure svg{display: block; max-width: 100%; height: auto}" in markup.STYLE


def test_what_is_too_large_is_not_drawn_unasked() -> None:
    inputs = [tt.input(f"x{place}", ("n",)) for place in range(LARGEST + 1)]
    total = inputs[0]
    for item in inputs[1:]:
        total = total + item
    found = html_of(total) or ""
    assert "<svg" not in found
    assert " boxes are too many to be drawn unasked" in found
    assert "%1 = add(%0, %x2)" in found
    assert html_of(inputs[0]) is not None


def test_what_is_tall_keeps_its_size_and_scrolls() -> None:
    y = tt.input("x", ("n",))
    for _ in range(100):
        y = tt.sin(y)
    (width,) = re.findall(r'width="(\d+)"\s+viewBox', html_of(y) or "")
    assert int(width) > 200
    assert "max-height: 90vh; overflow: auto" in markup.STYLE


def test_a_missing_graphviz_is_said(names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bytes:
        raise tt.DrawingError("Graphviz is missing")

    monkeypatch.setattr("compiler.render.drawing.laid_out", broken)
    found = html_of(names["step"]) or ""
    assert "not drawn: Graphviz is missing" in found
    assert "the graph as text" in found


def test_what_has_no_view_shows_text_alone() -> None:
    assert html_of(3) is None


def test_a_tensor_of_the_course_shows_its_numbers_and_what_was_recorded() -> None:
    found = Balance(html_of((LazyTensor([1.0]) + 1.5) * 2) or "")
    assert "Tensor([5.], shape=(1,), dtype=float32)" in found.texts
    assert "svg" in found.tags


def test_alike_sentences_stand_once(names: dict[str, Any]) -> None:
    record = next(item for item in names["step"].history if item.name == "simplify")
    found = html_of(record) or ""
    sentences = [item["sentence"] for item in record.to_dict()["done"]]
    assert len(sentences) > len(set(sentences))
    for sentence in set(sentences):
        assert found.count(f">{markup.escape(sentence)}<") == 1


def test_a_page_that_was_written_is_a_path_and_shows_itself(names: dict[str, Any], tmp_path: Path) -> None:
    written = names["step"].report(tmp_path / "report.html")
    assert written == tmp_path / "report.html"
    assert pickle.loads(pickle.dumps(written)) == written  # noqa: S301  # our own
    assert 'srcdoc="&lt;!doctype html&gt;' in (html_of(written) or "")
    written.write_text("x" * (LARGEST_PAGE + 1), encoding="utf-8")
    assert "report.html, 3 MB: open it in a browser" in (html_of(written) or "")
    written.unlink()
    assert "is no longer there" in (html_of(written) or "")


def test_a_picture_may_say_how_it_fits_itself() -> None:
    root = '<svg style="max-width:100%" width="30.5pt" height="9pt"\n viewBox="0 0 30 9"><g/></svg>'
    found = markup.picture(root, "a <b>")
    assert found == (
        '<figure><svg role="img" aria-label="a &lt;b&gt;" width="41"\n viewBox="0 0 30 9"><g/></svg></figure>'
    )


def test_a_table_says_its_title_and_notes() -> None:
    shown = Table(("a", "b"), (("x & y", "1"),), left=1, title="of <a>", notes=("the end",))
    assert str(shown) == "of <a>\na      b\nx & y  1\nthe end\n"
    assert markup.table(shown) == (
        '<table><caption>of &lt;a&gt;</caption><thead><tr><th class="left">a</th><th>b</th></tr></thead>'
        '<tbody><tr><td class="left">x &amp; y</td><td>1</td></tr></tbody></table><p>the end</p>'
    )


def test_one_of_a_kind_is_said_in_the_singular() -> None:
    x, w = tt.input("x", ("n",)), tt.parameter([1.0, 2.0], "w")
    doubled = w * 2.0
    found = html_of(tt.compile([x], [tt.exp(x)], updates={w: doubled}, backend="numpy"))
    assert "1 parameter<" in found
    one = html_of(tt.compile([x], [tt.exp(x)], backend="numpy").schedule)
    assert "1 kernel as text" in one
