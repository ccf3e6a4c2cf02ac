"""Charts and tables of the page: their numbers are those that Python computes."""

from pathlib import Path
from typing import Any

import pytest

from compiler.schedule.plan import InSlab
from tests.compiler.report.browsing import Opened
from tests.compiler.report.models import of_testing, three_layers

pytestmark = pytest.mark.slow


def test_the_batch_slider_shows_the_peak_that_python_computes(opened: Opened) -> None:
    program, _ = three_layers()
    page = opened.page
    if page.locator("#tabs").is_visible():
        page.click("#tabs [data-tab='memory']")
    for batch in (1, 17, 1000):
        page.locator("#size-batch").evaluate(
            "(item, value) => { item.value = value; item.dispatchEvent(new Event('input')) }", batch
        )
        moment = program.memory.at(batch=batch)
        peak = page.locator("#peak")
        assert int(peak.get_attribute("data-bytes")) == program.plan.at(batch=batch)
        assert int(peak.get_attribute("data-total")) == moment.total_bytes
        text = page.locator("#moment").inner_text()
        assert f"kernel {moment.kernel}" in text
        assert moment.holders[0][0].name in text


def test_charts_stay_within_the_coordinates_that_browsers_draw(browser: Any, tmp_path: Path) -> None:
    opened = Opened(browser, three_layers()[0].report(tmp_path / "report.html"))
    opened.page.locator("#memory input[type=number]").fill("1000000")
    largest = opened.page.evaluate(
        "Math.max(...[...document.querySelectorAll('#slab rect')].flatMap("
        "item => ['x', 'y', 'width', 'height'].map(key => Math.abs(Number(item.getAttribute(key))))))"
    )
    assert 0 < largest <= 1001
    opened.close()


def test_times_costs_fusion_and_code_are_there(opened: Opened) -> None:
    program, _ = three_layers()
    page = opened.page
    for tab, part, words in (
        ("time", "#speed", ["GFLOP/s", "dense1", "models.py"]),
        ("fusion", "#fusion", ["as compiled", f"{len(program.schedule.kernels)} kernels"]),
        ("code", "#code", ["kernel 0"]),
    ):
        if page.locator("#tabs").is_visible():
            page.click(f"#tabs [data-tab='{tab}']")
        text = page.locator(part).inner_text()
        assert all(word in text for word in words)
    page.select_option("#kernel", "1")
    assert page.locator("#listing").inner_text().strip() == program.source(1).strip()
    name = program.graph.names.values[program.schedule.kernels[1].members[0]]
    page.locator("#listing .link", has_text=name).first.click()
    assert name in page.locator("#node").inner_text()


def test_the_loops_of_a_kernel_are_shown_after_each_trick(opened: Opened) -> None:
    program, _ = three_layers()
    page = opened.page
    if page.locator("#tabs").is_visible():
        page.click("#tabs [data-tab='code']")
    page.select_option("#kernel", "9")
    history = program.loops(9)
    assert page.locator("#tricks button").all_inner_texts() == ["written", *(item.name for item in history)]
    assert page.locator("#tricks [aria-pressed='true']").inner_text() == history[-2].name
    same = page.locator("#tricks .same").all_inner_texts()
    assert same == [item.name for item in history if not item.changed] != []
    for place, item in enumerate(history, start=1):
        page.locator("#tricks button").nth(place).click()
        assert page.locator("#listing").inner_text().strip() == item.after.strip()
        assert item.sentence in page.locator("#trick").inner_text()
        assert (page.locator("#listing .fresh").count() > 0) == item.changed
    page.locator("#tricks button").first.click()
    assert page.locator("#listing").inner_text().strip() == history[0].before.strip()


def test_a_backend_without_loops_shows_what_its_kernels_compute(browser: Any, tmp_path: Path) -> None:
    program = of_testing("small extents", backend="numpy")
    opened = Opened(browser, program.report(tmp_path / "report.html"))
    assert opened.page.locator("#tricks button").count() == 0
    assert opened.page.locator("#listing").inner_text().strip() != ""
    opened.close()


def test_memory_and_time_share_the_kernels_and_any_kernel_can_be_looked_at(opened: Opened) -> None:
    program, _ = three_layers()
    page, count = opened.page, len(program.schedule.kernels)
    if page.locator("#tabs").is_visible():
        page.click("#tabs [data-tab='memory']")
    sizes = {"batch": 32}
    page.locator("#slab").focus()
    page.keyboard.press("Home")
    for kernel in range(3):
        assert f"At kernel {kernel}" in page.locator("#moment").inner_text()
        held: dict[str, int] = {}
        for holder in program.memory.holders:
            if holder.first <= kernel <= holder.last or not holder.kind.is_in_slab:
                size = holder.bytes if isinstance(holder.bytes, int) else holder.bytes.at(**sizes)
                held[holder.kind.value] = held.get(holder.kind.value, 0) + size
        shown = page.locator("#moment [data-kind]").evaluate_all(
            "items => Object.fromEntries(items.map(item => [item.dataset.kind, Number(item.dataset.size)]))"
        )
        assert shown == {kind: size for kind, size in held.items() if size}
        page.keyboard.press("ArrowRight")
    cursors = page.locator("#slab .cursor").evaluate_all("items => items.map(item => item.getAttribute('x'))")
    assert len(cursors) == 2
    assert float(cursors[0]) == float(cursors[1]) == pytest.approx(3000 / count)
    page.keyboard.press("Escape")
    assert "At its fullest" in page.locator("#moment").inner_text()


def test_times_are_summed_by_part_and_by_line(browser: Any, reports: dict[str, Path]) -> None:
    opened = Opened(browser, reports["timed"])
    page = opened.page
    data = page.evaluate("rooms.data.D.time")
    texts = page.evaluate("rooms.data.T")
    parts: dict[str, float] = {}
    for label, *_, spent in data["scopes"]:
        first = texts[label].split(".")[0]
        parts[first] = parts.get(first, 0.0) + spent
    rows = "items => Object.fromEntries(items.map(item => [item.dataset.part, Number(item.dataset.value)]))"
    shown = page.locator("#parts [data-part]").evaluate_all(rows)
    assert shown == pytest.approx({name: spent for name, spent in parts.items() if spent})
    page.locator("#parts [data-part='adam']").focus()
    page.keyboard.press("Enter")
    inside = page.locator("#parts [data-part^='adam.']")
    assert {f"adam.dense{k}" for k in (1, 2, 3)} <= set(
        inside.evaluate_all("items => items.map(item => item.dataset.part)")
    )
    lines = {texts[label]: spent for label, *_, spent in data["lines"] if spent}
    rows = "items => Object.fromEntries(items.map(item => [item.dataset.line, Number(item.dataset.value)]))"
    assert page.locator("#lines [data-line]").evaluate_all(rows) == pytest.approx(lines)
    opened.close()


def test_chains_in_place_are_joined_and_the_peak_is_marked(browser: Any, reports: dict[str, Path]) -> None:
    opened = Opened(browser, reports["plain"])
    page, (program, _) = opened.page, three_layers()
    places, names = program.plan.places, program.graph.names.values
    pairs = [pair for kernel in program.schedule.kernels for pair in kernel.in_place.items()]
    in_slab = [new for new, old in pairs if all(isinstance(places[k], InSlab) for k in (new, old))]
    joined = page.locator("#slab [data-joined]").evaluate_all(
        "items => items.map(item => item.dataset.joined)"
    )
    shown = page.evaluate("slots => slots.map(slot => rooms.view.nameOf(slot))", joined)
    assert shown == [names[node] for node in in_slab] != []
    band = page.locator("#slab .peak-band")
    fullest = program.memory.at(batch=64).kernel
    assert float(band.get_attribute("x")) == pytest.approx(1000 * fullest / len(program.schedule.kernels))
    opened.close()
