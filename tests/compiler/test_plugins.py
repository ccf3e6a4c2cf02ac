"""Plugins: a value through one door, discovered lazily, and every fault named with its owner."""

import subprocess
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import tinytorch as tt
from compiler.plugins import GROUP, Plugin, Registry, discover
from tinytorch import builtin
from tinytorch.testing import check_gradient

EXAMPLE = Path(__file__).parents[1] / "plugin_example"


def distribution(folder: Path, name: str, entry: str) -> None:
    """A distribution that is installed as far as importlib.metadata can tell."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{entry}\n", encoding="utf-8")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Installs a distribution for one test: `installed(name, entry, module text)`."""
    monkeypatch.syspath_prepend(str(tmp_path))
    builtin.registry.cache_clear()

    def install(name: str, entry: str, text: str = "") -> None:
        distribution(tmp_path, name, entry)
        (tmp_path / f"{name.replace('-', '_')}.py").write_text(text, encoding="utf-8")

    yield install
    # Only what was installed here: a library that was first needed meanwhile must not be loaded twice.
    for name, module in tuple(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith((str(tmp_path), str(EXAMPLE))):
            del sys.modules[name]
    builtin.registry.cache_clear()


@pytest.fixture
def stranger(installed, monkeypatch) -> Plugin:
    """The example, installed."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    installed("stranger", "stranger = tinytorch_stranger:PLUGIN")
    (found,) = discover()
    return found


class Named:
    """Something that has a name and nothing else."""

    def __init__(self, name: str) -> None:
        self.name = name


def test_without_strangers_nothing_is_discovered():
    assert discover() == []


def test_the_example_brings_one_of_each(stranger):
    registry = tt.registry()
    for kind in ("ops", "passes", "backends", "renderers"):
        (item,) = getattr(stranger, kind)
        assert registry.find(kind, item.name) is item


def test_a_strangers_op_has_a_gradient_and_runs_everywhere(stranger):
    snake = tt.registry().find("ops", "snake")
    check_gradient(snake, np.linspace(-2, 2, 5))
    x = tt.input("x", (3,))
    for backend in ("reference", "numpy", "counting"):
        found = tt.compile([x], snake(x, a=2.0), backend=backend)(np.ones(3, np.float32))
        np.testing.assert_allclose(found, 1 + np.sin(2) ** 2 / 2, rtol=1e-6)


def test_a_strangers_pass_is_found_by_name_and_never_runs_unasked(stranger):
    x = tt.input("x", (3,))
    y = tt.exp(x) + 1
    program = tt.compile([x], y, passes=["sign"], backend="reference")
    assert program.graph.outputs[0].name == "seen.add"
    assert [str(action) for action in program.history[0].report.actions] == [
        "named after exp",
        "named after add",
    ]
    assert "sign" not in [item.name for item in tt.default_passes()]
    assert tt.compile([x], y, backend="reference").graph.outputs[0].name is None
    np.testing.assert_array_equal(program(np.zeros(3, np.float32)), [2, 2, 2])


def test_a_strangers_backend_is_found_by_name(stranger):
    x = tt.input("x", (3,))
    (backend,) = stranger.backends
    program = tt.compile([x], x * 2, backend="counting")
    assert (program.backend, backend.built) == ("counting", 1)


def test_a_strangers_renderer_renders(stranger):
    renderer = tt.registry().find("renderers", "lines")
    assert renderer.render(tt.graph_of(tt.input("x", (3,)) * 2)) == "x: f32[3]\nmul: f32[3]\n"


def test_built_in_names_do_not_read_entry_points(monkeypatch):
    def caught(**_):
        raise AssertionError("entry points were read")

    monkeypatch.setattr(metadata, "entry_points", caught)
    builtin.registry.cache_clear()
    x = tt.input("x", (3,))
    tt.compile([x], x * 2, backend="reference", passes=["dead_code"])


def test_a_plugin_that_fails_to_load_is_named_with_its_distribution(installed):
    installed("broken-plugin", "broken = broken_plugin:PLUGIN", "raise RuntimeError('no luck')")
    with pytest.raises(
        tt.PluginError, match="plugin 'broken' of broken-plugin failed to load: RuntimeError: no luck"
    ):
        discover()
    with pytest.raises(tt.PluginError, match="broken-plugin"):
        tt.compile([], (), backend="unknown")
    tt.compile([], (), backend="reference")


def test_a_plugin_that_is_missing_is_named(installed):
    installed("hollow", "hollow = hollow:PLUGIN")
    with pytest.raises(tt.PluginError, match="plugin 'hollow' of hollow failed to load: AttributeError"):
        discover()


def test_an_entry_point_that_is_no_plugin_is_named(installed):
    installed("odd", "odd = odd:PLUGIN", "PLUGIN = 3")
    with pytest.raises(tt.PluginError, match="odd:PLUGIN of odd is no Plugin but int"):
        discover()


def test_a_clash_names_both_owners(stranger):
    other = replace(stranger, name="rival")
    with pytest.raises(
        tt.PluginError, match="plugins 'stranger' and 'rival' both have 'snake' among their ops"
    ):
        Registry.of(stranger, other)


def test_a_clash_with_a_built_in_names_both_owners():
    rival = Plugin("rival", backends=builtin.BUILTIN.backends)
    with pytest.raises(
        tt.PluginError, match=r"plugins 'tinytorch' and 'rival' both have '.*' among their backends"
    ):
        Registry.of(builtin.BUILTIN, rival)


def test_two_plugins_of_one_name_are_a_clash():
    with pytest.raises(tt.PluginError, match="two plugins are named 'twin'"):
        Registry.of(Plugin("twin"), Plugin("twin"))


def test_one_plugin_with_a_name_twice_is_an_error(stranger):
    (op,) = stranger.ops
    with pytest.raises(tt.PluginError, match="plugin 'double' has 'snake' twice among its ops"):
        Registry.of(Plugin("double", ops=(op, op)))


@pytest.mark.parametrize("kind", ["ops", "passes", "backends", "renderers"])
def test_a_contribution_of_the_wrong_kind_is_an_error(kind):
    plugin = Plugin("odd", **{kind: (Named("thing"),)})
    with pytest.raises(tt.PluginError, match=f"plugin 'odd': .*Named.* is none of its {kind}"):
        Registry.of(plugin)


def test_a_class_is_no_pass(stranger):
    (item,) = stranger.passes
    with pytest.raises(tt.PluginError, match="is none of its passes"):
        Registry.of(Plugin("odd", passes=(type(item),)))


@pytest.mark.parametrize("name", ["", "  "])
def test_a_plugin_has_a_name(name):
    with pytest.raises(tt.PluginError, match="a plugin has no name"):
        Registry.of(Plugin(name))


def test_what_is_not_there_is_answered_with_what_is():
    registry = Registry.of(builtin.BUILTIN)
    with pytest.raises(tt.PluginError, match=r"no pass is named 'x'; there are: .*dead_code"):
        registry.find("passes", "x")
    with pytest.raises(tt.PluginError, match="no renderer is named 'x'; there are: none"):
        Registry.of().find("renderers", "x")


def test_a_registry_is_immutable():
    registry = Registry.of(builtin.BUILTIN)
    with pytest.raises(TypeError):
        registry.entries["ops"]["mine"] = Named("mine")  # type: ignore[index]
    assert registry.with_discovered() is not registry


@pytest.mark.slow
def test_the_example_installs_with_pip(tmp_path):
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", str(tmp_path), str(EXAMPLE)], check=True, capture_output=True)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import tinytorch as tt; "
        f"print(*tt.registry().entries['ops'])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "snake" in run.stdout.split()
