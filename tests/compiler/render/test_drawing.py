"""From pictures to text and files: names with any character, the same bytes always, missing tools."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from compiler.errors import ArgumentError, DrawingError
from compiler.ir.build import apply
from compiler.ir.graph import Graph
from compiler.plugins import Plugin, Registry
from compiler.render import dot, drawing, layout
from compiler.render.arrangement import arranged
from compiler.render.describe import describe
from compiler.render.dot import dot_source
from compiler.render.drawing import dot_source_of, draw, svg_of, to_svg, write
from compiler.render.markup import visible
from compiler.render.picture import (
    Arrow,
    ArrowRole,
    Box,
    Caption,
    Column,
    Flags,
    Picture,
    Role,
    Statement,
    Text,
)  # fmt: skip
from compiler.render.renderers import RENDERERS
from tests.compiler.render.graphs import NOWHERE, chain, momentum, training_step, vector

AWKWARD = [
    'a"b', "<b>bold</b>", "<x>", "a & b", "&amp;", "&lt;", "back\\slash", "\\", "\\\\N",
    r"\N\G\E\T\H\L\l\n\r", "ends\\", "a->b", "n:port:w", "{|}", "[x]", "# no comment", "/* nor this */",
    "digraph", "a; b", "it's", "", "λ ≤ 数 🙂", "two  spaces", "%7", "]]>", "line\nbreak", "tab\t",
    "\x00\x1b\x7f", "\ud800", "\uffff",
]  # fmt: skip

ENGINES = ["wheel", "program"] if shutil.which("dot") else ["wheel"]


@pytest.fixture(params=ENGINES)
def engine(request, monkeypatch):
    if request.param == "wheel":
        monkeypatch.setattr(layout.shutil, "which", lambda name: None)
    return request.param


@pytest.fixture(params=["laid out by dot", "laid out by us"])
def layouts(request, monkeypatch):
    monkeypatch.setattr(dot, "SMALL", 10**9 if request.param == "laid out by dot" else 0)
    return request.param


def texts(svg: str) -> list[str]:
    """The pieces of text of an SVG; Graphviz writes some spaces as no-break spaces."""
    found = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return [(piece.text or "").replace("\xa0", " ") for piece in found]


def tooltips(svg: str) -> list[str]:
    links = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}a")
    return [link.get("{http://www.w3.org/1999/xlink}title", "").replace("\xa0", " ") for link in links]


def test_names_with_any_character_are_drawn_as_they_are(engine, layouts):
    inputs = [vector(name) for name in AWKWARD]
    outputs = [apply("exp", node, name=node.name, origin=NOWHERE) for node in inputs]
    found = texts(svg_of(Graph.of(outputs, (), inputs)))
    for name in AWKWARD:
        assert (visible(name) or '""') in found
        assert any(piece == f"({visible(name) or chr(34) * 2})" for piece in found)


@pytest.mark.parametrize("text", [text for text in AWKWARD if text])
def test_every_place_for_text_shows_it_as_it_is(engine, layouts, text):
    line = Statement(Text(text), (Text(text),), text)
    boxes = (
        Box("a", (line,), Role.FORWARD, "c", Flags.NONE, text),
        Box("b", (Caption((Text(text),)),), Role.INPUT, "c"),
    )
    arrow = Arrow("a", "b", ArrowRole.VALUE, text, text)
    svg = to_svg(Picture((Column("c", text),), boxes, (arrow,), text))
    assert [piece.strip() for piece in texts(svg)].count(visible(text).strip()) == 7
    assert tooltips(svg).count(visible(text, keep="\n")) >= 3


def test_control_characters_become_pictures_of_them():
    assert visible("a\nb\x00\x7f\ud800é") == "a␊b␀␡\N{REPLACEMENT CHARACTER}é"
    assert visible("a\nb", keep="\n") == "a\nb"


def test_the_text_of_a_small_step(golden):
    golden("render_small_step.dot", dot_source_of(training_step(1)))


def test_the_text_is_the_same_in_every_process():
    program = (
        "import hashlib\n"
        "from compiler.render.drawing import dot_source_of\n"
        "from tests.compiler.render.graphs import momentum, training_step\n"
        "graph = training_step(2, momentum)\n"
        "text = dot_source_of(graph) + dot_source_of(graph, detail=True)\n"
        "print(hashlib.sha256(text.encode()).hexdigest())\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program], env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[3], check=True, capture_output=True, text=True,
        ).stdout.strip()
        for seed in ("0", "4711")
    }  # fmt: skip
    graph = training_step(2, momentum)
    here = hashlib.sha256((dot_source_of(graph) + dot_source_of(graph, detail=True)).encode())
    assert found == {here.hexdigest()}


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("rule", ["descent", "momentum"])
def test_columns_stand_side_by_side_and_the_legend_below(engine, layers, rule):
    from tests.compiler.render import graphs

    picture = describe(training_step(layers, getattr(graphs, rule)))
    plain = layout.laid_out(dot_source(picture), "plain").decode()
    place = {
        match[1]: (float(match[2]), float(match[3]))
        for match in re.finditer(r"^node (\S+) (\S+) (\S+)", plain, re.M)
    }
    column = {box.id: box.column for box in picture.boxes}
    walls = {wall: place[f"wall_{wall}_1"][0] for wall in ("backward", "updates")}
    for id, name in column.items():
        x, y = place[id]
        assert (x > walls["backward"]) == (name != "forward")
        assert (x > walls["updates"]) == (name == "updates")
        assert y > place["box_0"][1] > place["to_0"][1]


def test_every_suffix_is_written(engine, layouts, tmp_path, capfd):
    begins = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF", ".dot": b"digraph"}
    for suffix, begin in begins.items():
        path = draw(chain(2), tmp_path / f"graph{suffix.upper()}", title="a chain")
        assert path.read_bytes().startswith(begin)
    assert capfd.readouterr() == ("", "")


def test_an_empty_graph_is_drawn(engine, layouts, tmp_path):
    assert draw(Graph.of([]), str(tmp_path / "nothing.svg")).exists()


def test_svg_for_a_page_is_one_element(engine):
    svg = svg_of(chain(1))
    assert svg.startswith("<svg")
    assert svg.rstrip().endswith("</svg>")


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match=r"'graph\.gif' is no drawing: .*\.svg, \.png, \.pdf, \.dot"):
        draw(chain(1), tmp_path / "graph.gif")
    assert list(tmp_path.iterdir()) == []


def test_without_graphviz_the_text_is_written_and_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(layout.shutil, "which", lambda name: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    graph = chain(1)
    with pytest.raises(DrawingError) as caught:
        draw(graph, tmp_path / "graph.png")
    beside = tmp_path / "graph.dot"
    assert beside.read_text() == dot_source_of(graph)
    assert not (tmp_path / "graph.png").exists()
    message = str(caught.value)
    assert "neither the program `dot` nor the package pygraphviz" in message
    assert "pip install 'tinytorch-compiler[draw]'" in message
    assert str(beside) in message
    with pytest.raises(DrawingError, match="install Graphviz"):
        svg_of(graph)


def test_a_failing_graphviz_is_reported_with_what_it_said(tmp_path, monkeypatch):
    fails = [sys.executable, "-c", "import sys; sys.exit('out of paper')"]
    monkeypatch.setattr(layout, "_command", lambda *_: fails)
    with pytest.raises(DrawingError, match="out of paper"):
        draw(chain(1), tmp_path / "graph.pdf")
    assert (tmp_path / "graph.dot").exists()


def test_the_program_comes_before_the_wheel(monkeypatch):
    monkeypatch.setattr(layout.shutil, "which", lambda name: f"/programs/{name}")
    assert layout._command("svg", "") == ["/programs/dot", "-Tsvg"]


def test_a_large_picture_is_refused_and_its_text_written(tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "LARGEST", 20)
    graph = chain(30)
    with pytest.raises(
        DrawingError, match=r"31 boxes are more than anybody can read, 20 is the most"
    ) as caught:
        draw(graph, tmp_path / "graph.svg", detail=True)
    assert "leave out `detail`" in str(caught.value)
    assert (tmp_path / "graph.dot").read_text() == dot_source_of(graph, detail=True)
    assert write(describe(graph), tmp_path / "graph.svg").exists()


def test_many_arrows_are_refused_too(tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "MOST_ARROWS", 20)
    with pytest.raises(DrawingError, match=r"30 arrows are more than anybody can read, 20 is the most"):
        draw(chain(30), tmp_path / "graph.svg", detail=True)


def test_a_graphviz_that_does_not_end_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "_command", lambda *_: [sys.executable, "-c", "while True: pass"])
    monkeypatch.setattr(layout, "LONGEST", 0.2)
    with pytest.raises(DrawingError, match=r"made no pdf in 0\.2 seconds"):
        draw(chain(1), tmp_path / "graph.pdf")
    assert (tmp_path / "graph.dot").exists()


@pytest.mark.parametrize("detail", [False, True])
def test_three_hundred_steps_that_read_one_input_are_drawn(engine, tmp_path, detail):
    from tests.compiler.render.test_arrangement import growing

    found = texts(draw(growing(300), tmp_path / "graph.svg", detail=detail).read_text())
    assert {"x", "sin", "mul", "input", "output"} <= {piece.strip() for piece in found}


def test_a_pinned_drawing_has_everything_where_it_was_put(engine, monkeypatch):
    monkeypatch.setattr(dot, "SMALL", 0)
    picture = describe(training_step(3))
    plain = layout.laid_out(dot_source(picture), "plain").decode()
    found = re.finditer(r"^node (\S+) (\S+) (\S+)", plain, re.M)
    place = {match[1]: (float(match[2]) * 72, float(match[3]) * 72) for match in found}
    rects = arranged(picture).rects
    left, top = min(rects, key=lambda id: rects[id].x), min(rects, key=lambda id: rects[id].y)
    for id, rect in rects.items():
        x, y = place[id][0] - place[left][0], place[top][1] - place[id][1]
        assert (x, y) == pytest.approx((rect.x - rects[left].x, rect.y - rects[top].y), abs=0.2)


def test_the_renderers_fit_the_registry(engine):
    registry = Registry.of(Plugin("built-in", renderers=RENDERERS))
    for renderer in RENDERERS:
        assert registry.find("renderers", renderer.name) is renderer
    assert registry.find("renderers", "dot").render(chain(1)) == dot_source_of(chain(1)).encode()
    assert registry.find("renderers", "png").render(chain(1)).startswith(b"\x89PNG")


def test_an_svg_fits_its_page_and_keeps_its_proportions(engine, layouts, tmp_path):
    for svg in (svg_of(chain(3)), draw(chain(3), tmp_path / "a.svg").read_text()):
        root = ElementTree.fromstring(svg)
        assert root.get("style") == "max-width:100%;height:auto"
        assert root.get("viewBox")
        assert root.get("width", "").endswith("pt")


def test_a_png_is_no_larger_than_can_be_drawn(engine, monkeypatch, tmp_path):
    monkeypatch.setattr(dot, "SMALL", 0)
    picture = describe(chain(200), detail=True)
    sizes = []
    for most in (25e6, 1e6):
        monkeypatch.setattr(drawing, "MOST_PIXELS", most)
        head = write(picture, tmp_path / "a.png").read_bytes()[16:24]
        width, height = int.from_bytes(head[:4]), int.from_bytes(head[4:])
        sizes.append(width * height)
    assert sizes[1] <= 1e6 < sizes[0]
