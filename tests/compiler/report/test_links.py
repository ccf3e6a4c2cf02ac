"""What is chosen or pointed at is marked wherever it is shown."""

import re
from pathlib import Path
from typing import Any

import pytest

from compiler.program import Program
from tests.compiler.report.browsing import Opened
from tests.compiler.report.models import three_layers

pytestmark = pytest.mark.slow


def test_a_box_that_is_clicked_fills_the_panel(opened: Opened) -> None:
    program, _ = three_layers()
    page = opened.page
    page.click("#unfold")
    slot = page.evaluate("rooms.data.D.slots.findIndex(slot => rooms.data.T[slot.states[0].op] === 'gelu')")
    box = page.locator(f"#pane .box[data-slot='{slot}']")
    box.scroll_into_view_if_needed()
    box.dispatch_event("click")
    panel = page.locator("#node")
    assert panel.is_visible()
    text = panel.inner_text()
    name = page.evaluate("slot => rooms.view.nameOf(slot)", slot)
    why = program.why(name)
    assert f"kernel {why.kernels[0]}" in text
    assert "models.py" in text
    assert "f32[batch,32]" in text
    assert panel.locator("math").count() == 1
    assert panel.locator("math").bounding_box()["height"] > 5
    for other in why.fused_with:
        assert program.graph.names.values[other] in text


def test_a_refusal_names_the_node_that_blocks(browser: Any, reports: dict[str, Path]) -> None:
    opened = Opened(browser, reports["plain"])
    program, _ = three_layers()
    record = next(item for item in program.history if item.name == "inplace")
    refusal = next(item for item in record.report.refusals if len(item.nodes) > 1)
    names = [record.graph.names.values[node] for node in refusal.nodes]
    opened.page.fill("#search", names[0])
    opened.page.keyboard.press("Enter")
    text = opened.page.locator("#node").inner_text()
    assert refusal.reason.name in text
    assert all(name in text for name in names)
    opened.close()


def test_search_finds_by_name_op_part_and_line(opened: Opened) -> None:
    page = opened.page
    for words, expected in (
        ("loss", "loss"),
        ("gelu gelu2", "gelu"),
        ("adam dense1 sqrt", "sqrt"),
        ("models.py", ""),
    ):
        page.fill("#search", words)
        hits = page.locator("#found li")
        assert hits.count() > 0
        assert expected in hits.first.inner_text()
    page.fill("#search", "%0")
    assert page.locator("#found li").first.inner_text().startswith("matmul %0")
    page.locator("#found li").first.click()
    assert page.locator("#node h2").inner_text() == "matmul %0"
    page.fill("#search", "nothing is called like this")
    assert "Nothing" in page.locator("#found").inner_text()


def kernels_of(program: Program) -> list[set[str]]:
    """The names of the members of each kernel."""
    names = program.graph.names.values
    return [{names[node] for node in kernel.members} for kernel in program.schedule.kernels]


def test_both_kernel_graphs_are_linked(browser: Any, reports: dict[str, Path]) -> None:
    opened = Opened(browser, reports["timed"])
    page, (program, _) = opened.page, three_layers()
    page.click("#unfold")
    left, right = (page.locator(f"#pair [data-side='{side}']") for side in ("unfused", "fused"))
    members = kernels_of(program)
    nodes = [node for kernel in program.schedule.kernels for node in kernel.members]
    leaves = len(program.graph) - len(nodes)
    assert left.locator(".box").count() == len(program.graph)
    assert right.locator(".box.kernel").count() == len(members)
    assert right.locator(".box").count() == len(members) + leaves
    number = max(range(len(members)), key=lambda k: len(members[k]))

    def marked(pane: Any, look: str) -> set[str]:
        slots = pane.locator(f".box.{look}").evaluate_all(
            "items => items.map(item => Number(item.dataset.slot))"
        )
        return set(page.evaluate("slots => slots.map(slot => rooms.view.nameOf(slot))", slots))

    box = right.locator(".box.kernel", has=page.get_by_text(f"kernel {number}", exact=True))
    box.scroll_into_view_if_needed()
    box.hover()
    assert marked(left, "lit") == members[number]
    assert len(marked(right, "lit")) == 1
    inner = program.graph.names.values[program.schedule.kernels[number].members[0]]
    slot = page.evaluate("name => rooms.data.byName.get(name)", inner)
    left.locator(f".box[data-slot='{slot}']").click()
    assert marked(left, "on") == {inner}
    assert marked(right, "on") == {
        page.evaluate("slot => rooms.view.nameOf(slot)", int(box.get_attribute("data-slot")))
    }
    assert left.evaluate("pane => pane.scrollTop") == right.evaluate("pane => pane.scrollTop") > 0
    assert page.locator("#listing .on").count() > 0
    opened.close()


def test_lines_of_code_and_nodes_mark_each_other(browser: Any, reports: dict[str, Path]) -> None:
    opened = Opened(browser, reports["plain"])
    page, (program, _) = opened.page, three_layers()
    name = program.graph.names.values[program.schedule.kernels[0].members[0]]
    page.fill("#search", name)
    page.keyboard.press("Enter")
    lines = program.source(0).rstrip().split("\n")
    expected = [k for k, line in enumerate(lines) if re.search(rf"{re.escape(name)}(?![\w.'~])", line)]
    found = page.locator("#listing > div").evaluate_all(
        "items => items.flatMap((item, k) => item.classList.contains('on') ? [k] : [])"
    )
    assert found == expected != []
    said = ", ".join(str(k + 1) for k in expected)
    assert f"kernel 0, line {said}" in page.locator("#node").inner_text()
    page.locator("#listing > div").nth(expected[-1]).hover()
    assert name in page.evaluate(
        "[...document.querySelectorAll('#pane .box.lit')].map(box => rooms.view.nameOf(box.dataset.slot))"
    )
    opened.close()
