"""The page of a difference: both graphs, what differs and both texts, linked."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

import tinytorch as tt
from compiler.difference.changes import Kind
from compiler.difference.difference import Difference
from compiler.report.page import page
from compiler.report.sides import sides_data
from tests.compiler.report.browsing import Opened
from tests.compiler.report.models import transformer


def network(widths: tuple[int, ...], act: type[tt.nn.Module], seed: int = 0) -> Any:
    """The graph of a training step."""
    x, labels = tt.input("x", ("batch", 64)), tt.input("labels", ("batch",), dtype="int64")
    layers: list[tt.nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [tt.nn.Dense(before, after), act()]
    net = tt.nn.Sequential(*layers[:-1], seed=seed)
    loss = tt.losses.cross_entropy(net(x), labels).named("loss")
    updates = tt.optim.SGD(net.parameters(), lr=0.1).updates(loss)
    return tt.compile([x, labels], loss, updates=updates, backend="numpy").source_graph


def two_steps() -> Difference:
    """A network, and one with other activations and a layer more."""
    left, right = network((64, 32, 10), tt.nn.GELU), network((64, 32, 16, 10), tt.nn.Tanh)
    return tt.diff(left, right, names=("old", "new"))


def test_the_data_says_of_every_node_on_which_side_it_stands() -> None:
    difference = two_steps()
    data = json.loads(json.dumps(sides_data(difference), allow_nan=False))
    names = [{}, {}]
    for number, slot in enumerate(data["slots"]):
        if slot["states"][0]["stage"] == 0:
            names[0][slot["states"][0]["name"]] = number
        if "gone" not in slot:
            names[1][slot["states"][-1]["name"]] = number
    left, right = difference.left.names.values, difference.right.names.values
    for node, other in difference.pairs.items():
        slot = data["slots"][names[0][left[node]]]
        assert "gone" not in slot
        assert slot["states"][0]["stage"] == 0
        assert slot["states"][-1]["line"].split(" ")[0].split("[")[0] in (left[node], right[other])
    gone = [slot for slot in data["slots"] if "gone" in slot]
    assert len(gone) == len(difference.left) - len(difference.pairs)
    fresh = [slot for slot in data["slots"] if slot["states"][0]["stage"] == 1]
    assert len(fresh) == len(difference.right) - len(difference.pairs)
    assert [(kind, data["strings"][said]) for kind, said, _ in data["changes"]] == [
        (change.kind.value, change.sentence) for change in difference.changes
    ]
    shown = [f"{' -+'[mark]} {data['strings'][text]}" for mark, text, _ in data["lines"]]
    assert set(str(difference).splitlines()[2:]) - set(shown) == {
        line for line in str(difference).splitlines()[2:] if line.startswith(("@", "result", "value"))
    }


def test_parts_of_one_name_are_one_part_of_both_sides() -> None:
    x = tt.input("x", ("batch",))

    def graph(is_scaled: bool) -> tt.Tensor:
        with tt.scope("head"):
            return tt.exp(x * 2.0 if is_scaled else x)

    data = sides_data(tt.diff(graph(False), graph(True)))
    assert [scope[0] for scope in data["scopes"]] == ["", "head"]
    added = next(slot for slot in data["slots"] if slot["states"][0]["stage"] == 1)
    host = data["slots"][added["beside"]]
    assert data["strings"][host["states"][0]["op"]] == "exp"
    assert added["at"][3] == host["at"][3]


def test_two_transformers_make_a_page_of_at_most_two_megabytes() -> None:
    left, right = (transformer(layers, "numpy").source_graph for layers in (3, 4))
    assert len(page(sides_data(tt.diff(left, right)), "sides").encode()) <= 2_000_000


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_steps().report(tmp_path_factory.mktemp("sides") / "sides.html")


def marked(opened: Opened, side: str, look: str) -> set[int]:
    boxes = opened.page.locator(f"[data-side='{side}'] .box.{look}[data-slot]")
    return set(map(int, boxes.evaluate_all("items => items.map(item => item.dataset.slot)")))


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 400])
def test_each_side_marks_what_differs(browser: Any, written: Path, width: int) -> None:
    opened, difference = Opened(browser, written, width), two_steps()
    page, data = opened.page, sides_data(two_steps())
    page.click("#unfold")
    slots = {kind: {slot for each, _, slot in data["changes"] if each == kind.value} for kind in Kind}
    assert marked(opened, "right", "new") == slots[Kind.ADDED]
    assert len(slots[Kind.ADDED]) == len(difference.of_kind(Kind.ADDED)) > 0
    assert marked(opened, "left", "gone") == slots[Kind.REMOVED]
    assert slots[Kind.CHANGED] <= marked(opened, "left", "changed") & marked(opened, "right", "changed")
    assert page.locator("[data-side='left'] .box").count() == len(difference.left)
    assert page.locator("[data-side='right'] .box").count() == len(difference.right)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    opened.close()


@pytest.mark.slow
def test_a_line_a_change_and_both_graphs_mark_each_other(browser: Any, written: Path) -> None:
    opened = Opened(browser, written)
    page = opened.page
    line = page.locator("#listing .minus", has_text="= gelu(").first
    line.click()
    slot = page.evaluate("rooms.view.view.slot")
    assert marked(opened, "left", "on") == marked(opened, "right", "on") == {slot}
    lines = page.locator("#listing .on").all_inner_texts()
    assert [text[0] for text in lines] == ["-", "+"]
    assert "= gelu(" in lines[0]
    assert "= tanh(" in lines[1]
    text = page.locator("#node").inner_text()
    assert "gelu : f32[batch,32] is tanh : f32[batch,32]" in text
    assert page.locator("#node math").count() == 2
    page.locator("#changes .link", has_text="parameter").first.click()
    assert page.locator("#node h2").inner_text().startswith("parameter")
    assert marked(opened, "right", "on")
    assert not marked(opened, "left", "on")
    opened.close()


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 400])
def test_the_keyboard_goes_from_change_to_change(browser: Any, written: Path, width: int) -> None:
    opened = Opened(browser, written, width)
    page, data = opened.page, sides_data(two_steps())
    touched = {slot for _, _, slot in data["changes"] if slot >= 0}
    seen = []
    for _ in range(len(touched)):
        page.keyboard.press("n")
        seen.append(page.evaluate("rooms.view.view.slot"))
    assert set(seen) == touched
    lines = [data["slots"][slot]["at"][3] for slot in seen]
    assert lines == sorted(lines)
    page.keyboard.press("n")
    assert page.evaluate("rooms.view.view.slot") == seen[0]
    page.keyboard.press("p")
    assert page.evaluate("rooms.view.view.slot") == seen[-1]
    page.keyboard.press("Escape")
    assert page.evaluate("rooms.view.view.slot") == -1
    opened.close()


@pytest.mark.slow
def test_equal_graphs_have_a_page_that_says_so(browser: Any, tmp_path: Path) -> None:
    graph = network((64, 32, 10), tt.nn.GELU)
    opened = Opened(browser, tt.diff(graph, graph).report(tmp_path / "none.html"), theme="dark")
    assert "Nothing differs" in opened.page.locator("#summary").inner_text()
    assert not marked(opened, "left", "changed") | marked(opened, "right", "new")
    opened.page.click("#listing .more")
    assert opened.page.locator("#listing .text-line").count() == len(graph)
    opened.close()
