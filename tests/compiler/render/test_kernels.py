"""Kernels as pictures: what they are, what they move, how long they take, and what colours stand for."""

import pytest

from compiler.errors import ArgumentError
from compiler.render.colours import by_amount
from compiler.render.describe import describe
from compiler.render.kernels import Times, describe_schedule, draw_schedules
from compiler.render.options import Options, show_graph
from compiler.render.picture import ArrowRole, Flags, Role
from compiler.render.rows import rows_of
from tests.compiler.render.test_describe import find, words
from tests.compiler.report.models import three_layers


def test_every_kernel_that_computes_has_a_box_by_its_number():
    program = three_layers()[0]
    picture = describe_schedule(program.schedule)
    named = [words(box)[0] for box in picture.boxes if words(box)[0].startswith("kernel ")]
    assert sorted(named, key=lambda text: int(text[7:])) == [
        f"kernel {place}" for place in range(len(program.schedule.kernels))
    ]


def test_kernels_of_updates_stand_in_the_order_in_which_they_run():
    picture = describe_schedule(three_layers()[0].schedule)
    rows = rows_of(picture)
    steps = [(int(words(box)[0][7:]), rows[box.id]) for box in picture.boxes if box.column == "updates"]
    assert len(steps) > 5
    assert [row for _, row in sorted(steps)] == sorted(row for _, row in steps)


def test_a_kernel_of_several_parts_says_so():
    program = three_layers()[0]
    picture = describe_schedule(program.schedule)
    mixed = [box for box in picture.boxes if box.role is Role.MIXED]
    assert {words(box)[1] for box in mixed} == {"forward and backward", "backward and updates"}
    assert Role.MIXED not in {box.role for box in describe(program.source_graph).boxes}


def test_only_what_another_kernel_reads_is_saved():
    program = three_layers()[0]
    schedule = program.schedule
    names = schedule.graph.names.values
    picture = describe_schedule(schedule)
    saved = {
        line.name.text
        for box in picture.boxes
        for line in box.lines
        if getattr(line, "is_saved", False) and line.name.text
    }
    by_name = {text: node for node, text in names.items()}
    assert saved
    assert {by_name[name] for name in saved} <= schedule.escaping
    inner = find(picture, "exp")
    assert Flags.SAVED not in inner.flags
    tails = {arrow.tail for arrow in picture.arrows if arrow.role is ArrowRole.READ}
    assert {box.id for box in picture.boxes if Flags.SAVED in box.flags} <= tails


def test_boxes_have_the_bytes_and_the_time():
    program, _ = three_layers()
    polynomial = describe_schedule(program.schedule)
    assert "512*batch+8320 B moved" in words(find(polynomial, "kernel 0"))
    count = len(program.schedule.kernels)
    times = Times([float(k) for k in range(count)], {"batch": 32})
    assert "12 us, 7.18 kB moved" in words(
        find(describe_schedule(program.schedule, None, times), "kernel 12")
    )


def test_colours_stand_for_shares_of_a_sum():
    program = three_layers()[0]
    first, second, third = program.graph.nodes[:3]
    colouring = by_amount({first: 90.0, second: 9.5, third: 0.5}, "the time")
    shades = [color for color, _ in colouring.legend]
    assert [colouring.fill([node]) for node in (first, second, third)] == [shades[4], shades[2], shades[0]]
    assert colouring.fill([first, second]) == shades[4]
    assert [word for _, word in colouring.legend] == [
        "under 1% of the time", "1% to 3%", "3% to 10%", "10% to 30%", "30% and more"
    ]  # fmt: skip


@pytest.mark.parametrize("colour", ["bytes", "precision", "time"])
def test_colours_have_a_legend_and_fill_boxes(colour):
    graph = three_layers()[0].graph
    times = dict.fromkeys(graph.nodes, 1.0)
    picture = describe(graph, show_graph(Options(colour=colour), graph, times))
    fills = dict(picture.fills)
    assert {box.fill for box in picture.boxes} <= set(fills)
    assert len({box.fill for box in picture.boxes}) > 1
    assert not describe(graph).fills


def test_bytes_say_for_which_sizes():
    graph = three_layers()[0].graph
    legend = describe(graph, show_graph(Options(colour="bytes"), graph, None, {"batch": 8})).fills
    assert legend[0][1] == "under 1% of the bytes moved with batch=8"


def test_colours_that_cannot_be_are_errors_with_a_fix():
    graph = three_layers()[0].source_graph
    with pytest.raises(ArgumentError, match=r"need what was measured\n  fix: program\.draw"):
        show_graph(Options(colour="time"), graph)
    with pytest.raises(ArgumentError, match=r"'pink'; they stand for role, time, bytes, precision"):
        show_graph(Options(colour="pink"), graph)


def test_schedules_side_by_side_have_their_times(tmp_path):
    program, _ = three_layers()
    count = len(program.schedule.kernels)
    times = {"a": Times([1.0] * count, {"batch": 2})}
    path = draw_schedules({"a": program.schedule, "b": program.schedule}, tmp_path / "a.dot", "", times)
    text = path.read_text()
    assert f"a ({count} us): forward" in text
    assert "<b: forward>" in text


def test_a_profile_gives_times_to_a_drawing(tmp_path):
    program, data = three_layers()
    profile = program.profile(*data, seconds=0.01)
    text = program.draw(tmp_path / "a.dot", kernels=True, profile=profile, colour="time").read_text()
    assert " us, " in text
    assert "of the time" in program.draw(tmp_path / "b.dot", profile=profile, colour="time").read_text()
    other = program._twin()
    with pytest.raises(ArgumentError, match="of another program"):
        other.draw(tmp_path / "c.dot", profile=profile)
