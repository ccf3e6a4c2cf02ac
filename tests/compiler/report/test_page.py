"""The page in a browser: slider, graph, keyboard, widths."""

from pathlib import Path
from typing import Any

import pytest

from compiler.report.data import report_data
from tests.compiler.report.browsing import Opened
from tests.compiler.report.models import of_testing, three_layers, transformer

pytestmark = pytest.mark.slow


def test_it_begins_with_a_summary_and_never_is_wider_than_the_screen(opened: Opened) -> None:
    summary = opened.page.locator("#summary").inner_text()
    program, _ = three_layers()
    assert "A training step that takes x f32[batch,64]" in " ".join(summary.split())
    assert f"→ {len(program.schedule.kernels)}" in summary
    assert opened.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_slider_moves_and_marks_the_nodes_that_the_pass_changed(opened: Opened) -> None:
    program, _ = three_layers()
    slots = report_data(program)["slots"]
    opened.page.click("#unfold")
    for number, record in enumerate(program.history, start=1):
        opened.at(record.name)
        gone = {k for k, slot in enumerate(slots) if slot.get("gone", [-1])[0] == number}
        assert opened.marked("gone") == gone
        if record.graph is record.after:
            changed = {
                k for k, slot in enumerate(slots) if number in [state["stage"] for state in slot["states"]]
            }
            assert opened.marked("changed") == changed
        assert record.name in opened.page.locator("#stage").inner_text()
    opened.at("source")
    assert not opened.marked("changed") | opened.marked("gone")


def test_a_fused_node_is_marked_where_it_is_fused(browser: Any, reports: dict[str, Path]) -> None:
    opened = Opened(browser, reports["plain"])
    program, _ = three_layers()
    opened.page.click("#unfold")
    opened.at("fuse_elementwise")
    record = next(item for item in program.history if item.name == "fuse_elementwise")
    before = {kernel.members for kernel in record.before.kernels}
    expected = {
        record.graph.names.values[node]
        for kernel in record.after.kernels
        if kernel.members not in before
        for node in kernel.members
    }
    names = opened.page.evaluate(
        "slots => slots.map(slot => rooms.view.nameOf(slot))", sorted(opened.marked("changed"))
    )
    assert set(names) == expected
    opened.close()


def test_nothing_moves_but_what_lies_below_a_part_that_is_opened(opened: Opened) -> None:
    page = opened.page
    places = (
        "() => Object.fromEntries([...rooms.machine.machine.where]"
        ".map(([slot, box]) => [slot, [box.x, box.y, box.slot]]))"
    )
    page.click("#fold")
    part = page.evaluate("rooms.data.D.scopes.findIndex(scope => scope[0] === 'dense2')")
    before = page.evaluate(places)
    page.evaluate("scope => rooms.view.toggle(scope)", part)
    after = page.evaluate(places)
    inside = set(map(str, page.evaluate("scope => rooms.view.slotsOfScope[scope]", part)))
    top = min(before[slot][1] for slot in inside)
    for slot in set(before) - inside:
        assert after[slot][0] == before[slot][0]
        assert (after[slot][1] == before[slot][1]) == (before[slot][1] < top)


def test_the_keyboard_alone_is_enough(opened: Opened) -> None:
    page, stages = opened.page, opened.stages()
    press = page.keyboard.press
    press("Home")
    assert f"0/{len(stages) - 1} source" in page.locator("#stage").inner_text()
    press("ArrowRight")
    assert f" {stages[1]}" in page.locator("#stage").inner_text()
    press("ArrowLeft")
    press("End")
    assert stages[-1] in page.locator("#stage").inner_text()
    press("/")
    page.keyboard.type("gelu1 gelu")
    press("ArrowDown")
    press("ArrowUp")
    press("Enter")
    assert page.locator("#node h2").inner_text().startswith("gelu")
    press("Escape")
    page.locator("#pane").focus()
    press("ArrowDown")
    first = page.evaluate("rooms.view.view.slot")
    press("ArrowDown")
    assert first >= 0
    assert page.evaluate("rooms.view.view.slot") != first
    press("-")
    press("ArrowDown")
    press("ArrowDown")
    press("Enter")
    assert page.evaluate("rooms.view.view.open.size") > 1
    press("d")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    press("?")
    assert page.locator("#keys").is_visible()


def test_at_400_there_is_one_part_at_a_time_and_the_slider_is_always_there(
    browser: Any, reports: dict[str, Path]
) -> None:
    opened = Opened(browser, reports["plain"], 400)
    page = opened.page
    parts = {
        "graph": "#stand", "changes": "#changes", "node": "#node", "memory": "#memory", "time": "#speed",
        "fusion": "#fusion", "code": "#code",
    }  # fmt: skip
    for tab, part in parts.items():
        page.click(f"#tabs [data-tab='{tab}']")
        assert page.locator(part).is_visible()
        assert not any(page.locator(other).is_visible() for other in parts.values() if other != part)
        slider = page.locator("#ticks").bounding_box()
        assert 0 <= slider["y"] <= 900 - slider["height"]
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    opened.close()


def test_of_a_large_graph_what_is_visible_is_drawn_and_the_rest_while_it_is_scrolled(
    browser: Any, tmp_path: Path
) -> None:
    opened = Opened(browser, transformer(4, "numpy").report(tmp_path / "report.html"))
    page = opened.page
    heads = page.locator("#pane .fold text").all_text_contents()
    assert "▾ 0 … 3  \N{MULTIPLICATION SIGN} 4" in heads
    assert "▾ 0" in heads
    folded = page.locator("#pane .box.forward[data-fold] .head").all_text_contents()
    assert {f"▸ {k}:" for k in (1, 2, 3)} <= {head.rsplit(" ", 2)[0] for head in folded}
    page.click("#unfold")
    drawn = page.locator("#pane .box[data-slot]").count()
    assert 0 < drawn < page.evaluate("rooms.data.D.slots.length") / 2
    page.locator("#pane").evaluate("pane => pane.scrollTop = pane.scrollHeight")
    page.wait_for_function(
        "(({ part, zoom, pane }) => part[1] * zoom > pane.scrollHeight)(rooms.machine.machine)"
    )
    largest = (
        "Math.max(...[...document.querySelectorAll('#pane .box[data-slot]')].map(box => box.dataset.slot))"
    )
    assert page.evaluate(largest) > page.evaluate("rooms.data.D.slots.length") / 2
    page.fill("#search", "gelu blocks.2")
    page.keyboard.press("Enter")
    slot = page.evaluate("rooms.view.view.slot")
    assert page.locator(f"#pane .box.on[data-slot='{slot}']").count() == 1
    opened.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_begins_as_light_or_dark_as_the_system(browser: Any, reports: dict[str, Path], theme: str) -> None:
    opened = Opened(browser, reports["plain"], theme=theme)
    color = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = sum(map(int, color.removeprefix("rgb(").removesuffix(")").split(",")))
    assert (light > 600) == (theme == "light")
    opened.close()


@pytest.mark.parametrize("name", ["updates", "layouts", "special values", "small extents", "training step"])
def test_the_page_of_any_program_opens(browser: Any, tmp_path: Path, name: str) -> None:
    program = of_testing(name, backend="numpy")
    opened = Opened(browser, program.report(tmp_path / "report.html"))
    count = opened.page.evaluate("rooms.data.D.slots.length")
    opened.page.click("#unfold")
    assert opened.page.locator("#pane .box[data-slot]").count() == count
    for stage in opened.stages():
        opened.at(stage)
    for slot in range(0, count, 7):
        opened.page.evaluate("slot => rooms.view.choose(slot)", slot)
    opened.close()


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_what_is_merged_fades_into_its_twin(browser: Any, reports: dict[str, Path], motion: str) -> None:
    opened = Opened(browser, reports["plain"])
    page = opened.page
    page.emulate_media(reduced_motion=motion)
    page.click("#unfold")
    stage = opened.stages().index("common_subexpressions")
    opened.at(opened.stages()[stage - 1])
    found = page.evaluate(
        """stage => {
          rooms.view.goto(stage);
          const places = rooms.machine.machine.where;
          return [...document.querySelectorAll('#pane .ghost')].map(ghost => {
            const slot = Number(ghost.dataset.ghost), twin = places.get(rooms.data.standing(slot, stage));
            const from = places.get(slot), frames = ghost.getAnimations()[0].effect.getKeyframes();
            const moved = (frames.at(-1).transform.match(/[-\\d.]+/g) || [0, 0]).map(Number);
            return [slot, moved, [twin.x - from.x, twin.y - from.y]];
          });
        }""",
        stage,
    )
    assert all(moved == pytest.approx(expected, abs=0.01) for _, moved, expected in found)
    program, _ = three_layers()
    gone = {k for k, slot in enumerate(report_data(program)["slots"]) if slot.get("gone", [-1])[0] == stage}
    assert {slot for slot, *_ in found} == (gone if motion == "no-preference" else set())
    page.wait_for_function("document.querySelectorAll('.ghost').length === 0")
    opened.close()
