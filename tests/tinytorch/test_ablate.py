"""What each pass is worth."""

import json
import math

import numpy as np
import pytest

import tinytorch as tt
from compiler.pipeline.contract import Report
from tinytorch.comparing.tables import WORTH


def example():
    x = tt.input("x", ("n", 16))
    y = tt.tanh(x * 2.0 + 1.0)
    again = tt.tanh(x * 2.0 + 1.0)
    return [x], [y @ y.T + again @ again.T], [np.ones((20, 16), np.float32)]


def quick(*given, **named):
    return tt.ablate(*given, rounds=2, seconds=0.001, **named)


def test_each_pass_is_taken_away_and_run_alone():
    inputs, outputs, data = example()
    found = quick(inputs, outputs, data=data)
    names = [item.name for item in tt.default_passes()]
    assert [item.name for item in found] == names
    assert len(found) == len(names)
    assert len(found.comparison) == 2 * len(names) + 2
    for item in found:
        ran = [record.name for record in item.removed.without.program.history]
        assert ran == [name for name in names if name != item.name]
        assert [record.name for record in item.added.with_it.program.history] == [item.name]
        assert item.removed.with_it is found.all
        assert item.added.without is found.none
    assert found["common_subexpressions"].added.kernels == 5  # three maps, a transpose and a product
    assert found["fuse_elementwise"].removed.kernels > 0
    assert found["dead_code"].added.kernels == 0


def test_a_gain_is_what_there_is_without_less_what_there_is_with_it():
    inputs, outputs, data = example()
    gain = quick(inputs, outputs, data=data, passes="fuse_elementwise")["fuse_elementwise"].removed
    assert gain.seconds == gain.without.seconds - gain.with_it.seconds
    assert gain.speed == gain.without.seconds / gain.with_it.seconds
    assert gain.kernels == gain.without.kernels - gain.with_it.kernels > 0
    assert gain.bytes == gain.without.predicted_bytes - gain.with_it.predicted_bytes > 0
    noise = (gain.without.seconds * gain.without.spread + gain.with_it.seconds * gain.with_it.spread) / 2
    assert gain.is_clear == (abs(gain.seconds) > noise)


class Again:
    """A pass that does nothing, under a name that another has."""

    name = "dead_code"

    def rewrite(self, graph, target):
        return graph, Report()


def test_a_pass_that_runs_twice_has_two_rows_and_updates_are_undone():
    x, w = tt.input("x", (4,)), tt.parameter(np.arange(4, dtype=np.float32), "w")
    found = quick(
        [x], w * x, updates={w: w + x}, data=[np.ones(4, np.float32)], passes=["dead_code", Again()]
    )
    assert [item.name for item in found] == ["dead_code", "dead_code~2"]
    np.testing.assert_array_equal(tt.value_of(w), np.arange(4))
    with pytest.raises(
        tt.ArgumentError, match="no pass is named 'simplify'; there are dead_code, dead_code~2"
    ):
        found["simplify"]


def test_no_pass_is_an_error():
    inputs, outputs, data = example()
    with pytest.raises(tt.ArgumentError, match="no pass to take away"):
        quick(inputs, outputs, data=data, passes=())


def test_a_table_data_a_plot_and_a_page(tmp_path):
    pytest.importorskip("matplotlib")
    inputs, outputs, data = example()
    found = quick(tt.compile(inputs, outputs), data=data, passes=["simplify", "fuse_elementwise"])
    text = str(found)
    assert all(heading in text for heading in WORTH)
    assert f"{found.none.kernels} and {found.all.kernels} kernels" in text
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [item["name"] for item in told["passes"]] == ["simplify", "fuse_elementwise"]
    assert told["passes"][1]["removed"]["kernels"] == found["fuse_elementwise"].removed.kernels
    figure = found.plot(tmp_path / "a.png")
    assert len(figure.axes) == 3
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    page = found.report(tmp_path / "a.html").read_text()
    assert "without simplify" in page
    assert "http" not in page


def test_one_round_says_nothing_about_its_noise():
    inputs, outputs, data = example()
    once = tt.ablate(inputs, outputs, data=data, rounds=1, seconds=0.001, passes="fuse_elementwise")
    assert math.isnan(once.all.spread)
    assert once.comparison["all"].to_dict()["spread"] is None
    assert not once["fuse_elementwise"].removed.is_clear
    (row,) = once.tables[0].rows
    assert row[1].startswith("~ ")
    assert "or there is only one" in str(once)
