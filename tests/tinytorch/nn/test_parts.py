"""Parts of modules: however they are held they are found once, named and seeded; others raise in use."""

import copy
import dataclasses
import pickle
import threading
from abc import ABC, abstractmethod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinytorch as tt
from tests.backends import ALL
from tinytorch import nn

BACKENDS = ALL
ONES = np.ones((2, 3), np.float32)


def square(**settings):
    return nn.Dense(3, 3, **settings)


def inputs():
    return tt.input("x", ("n", 3))


def names(net):
    """Paths and names of the parameters, which are the same where the outermost module has no name."""
    paths = [path for path, _ in net.named_parameters()]
    assert [p.name for p in net.parameters()] == paths
    return paths


def values(net):
    return [tt.value_of(p) for p in net.parameters()]


def assert_equal(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def copies(value):
    return [copy.deepcopy(value), pickle.loads(pickle.dumps(value))]  # noqa: S301  # our own bytes


class Holding(nn.Module):
    """Calls whatever layers and scales with whatever parameters it holds, in any arrangement."""

    def __init__(self, *held, **settings):
        super().__init__(**settings)
        self._private = square()
        self.held = held

    def forward(self, x):
        pending = [self._private, self.held]
        while pending:
            item = pending.pop()
            if isinstance(item, nn.Module):
                x = item(x)
            elif isinstance(item, tt.Tensor):
                x = x * item
            else:
                pending.extend(item.values() if isinstance(item, dict) else item)
        return x


# What is set stays


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("passes", [None, ()])
def test_a_shared_weight_is_one_parameter_updated_once(backend, passes):
    a, b = square(seed=1), square(seed=2)
    b.weight = a.weight
    assert b.weight is a.weight
    net = nn.Sequential(a, nn.Tanh(), b)
    assert names(net) == ["dense1.weight", "dense1.bias", "dense2.bias"]
    x = inputs()
    loss = (net(x) * net(x)).mean()
    w, first, second = values(net)
    gradients = tt.grad(loss, net.parameters())
    step = tt.compile(
        x, gradients, updates=tt.optim.SGD(net.parameters(), 0.5).updates(loss), backend=backend,
        passes=passes,
    )  # fmt: skip
    found = step(ONES)
    assert b.weight is a.weight
    hidden = np.tanh(ONES @ w + first)
    result = hidden @ w + second
    outer = 2 * result / result.size
    inner = (outer @ w.T) * (1 - hidden**2)
    np.testing.assert_allclose(found[0], hidden.T @ outer + ONES.T @ inner, rtol=1e-5)
    before = (w, first, second)
    assert_equal(values(net), [v - np.float32(0.5) * g for v, g in zip(before, found, strict=True)])


def test_compiling_the_same_call_twice_gives_the_same_numbers():
    a, b = square(), square()
    b.weight = a.weight
    x = inputs()
    first = tt.compile(x, b(x))(ONES)
    b.parameters()
    assert_equal([tt.compile(x, b(x))(ONES), tt.compile(x, x @ a.weight + b.bias)(ONES)], [first, first])


def test_what_is_set_does_not_change_what_is_drawn_beside_it():
    a, b = square(seed=1), square(seed=1)
    b.weight = tt.parameter(np.zeros((3, 3), np.float32))
    assert_equal([tt.value_of(b.bias)], [tt.value_of(a.bias)])
    assert tt.value_of(b.weight).sum() == 0


def test_attributes_are_replaced_set_to_none_and_deleted():
    net = Holding([square(), square()], {"a": square()}, seed=0)
    x = inputs()
    net(x)
    old = net.held[0][0].weight
    net.held[0][0] = square()
    net.held[0].insert(0, square(bias=False))
    del net.held[1]["a"]
    net._private.bias = None
    assert names(net) == [
        "_private.weight", "held.0.0.weight", "held.0.1.weight", "held.0.1.bias", "held.0.2.weight",
        "held.0.2.bias",
    ]  # fmt: skip
    assert all(p is not old for p in net.parameters())
    net._private = nn.ReLU()
    del net.held[0][1:]
    assert names(net) == ["held.0.0.weight"]
    assert tt.compile(x, net(x))(ONES).shape == (2, 3)
    layer = square()
    del layer.weight
    with pytest.raises(AttributeError, match="Dense has no attribute 'weight'"):
        layer(x)


def test_numbers_do_not_take_the_place_of_a_parameter():
    layer = square()
    for value in (np.ones((3, 3)), 1.0, np.float32(1)):
        with pytest.raises(tt.ArgumentError, match=r"weight of Dense\(3, 3\) is a parameter(.|\n)*set_value"):
            layer.weight = value
    tt.set_value(layer.weight, np.ones((3, 3)))
    assert tt.value_of(layer.weight).sum() == 9


# Where parts are


def test_lists_that_grow_are_looked_through_whenever_it_matters():
    class Growing(nn.Module):
        def __init__(self):
            super().__init__(seed=3)
            self.blocks = []
            self.blocks.append(square())

        def forward(self, x):
            for block in self.blocks:
                x = block(x)
            return x

    one, other = Growing(), Growing()
    assert one.blocks[0].weight.name == "blocks.0.weight"
    assert_equal([tt.value_of(one.blocks[0].weight)], [values(other)[0]])
    for net in (one, other):
        net.blocks.append(square())
    one.blocks[1].weight = one.blocks[0].weight
    other(inputs())
    assert names(one) == ["blocks.0.weight", "blocks.0.bias", "blocks.1.bias"]
    assert names(other) == ["blocks.0.weight", "blocks.0.bias", "blocks.1.weight", "blocks.1.bias"]
    assert_equal([values(one)[2]], [values(other)[3]])


def test_cycles_and_parts_in_several_places():
    net = Holding(seed=0)
    net.held = [net, {"self": net}]
    net.held.append(net.held)
    net.child = Holding(square())
    net.child.parent = net
    net.again = [net.child, net.child._private]
    assert names(net) == [
        "_private.weight", "_private.bias", "child._private.weight", "child._private.bias",
        "child.held.0.weight", "child.held.0.bias",
    ]  # fmt: skip
    assert [path for path, _ in net.named_modules()] == [
        "",
        "_private",
        "child",
        "child._private",
        "child.held.0",
    ]
    assert net.child.path == "child"
    assert [path for path, _ in net.child.named_parameters()][:3] == [
        "_private.weight", "_private.bias", "held.0.weight",
    ]  # fmt: skip


def test_a_layer_that_leaves_a_network_has_the_names_of_a_lone_one_again():
    net = nn.Sequential(square(), square())
    layer, other = net[1], net[0]
    assert layer.weight.name == "dense2.weight"
    net.layers = net.layers[:1]
    assert (names(layer), layer.path) == (["weight", "bias"], None)
    del net
    assert (names(other), other.path) == (["weight", "bias"], None)


def test_a_seed_outlives_the_network_that_had_it():
    net = nn.Sequential(nn.Sequential(square()), seed=3)
    assert_equal(values(nn.Sequential(nn.Sequential(square()), seed=3)[0][0]), values(net))


def test_a_chain_of_200_modules_inside_each_other():
    net = square()
    for _ in range(200):
        net = nn.Sequential(net)
    assert len(net.parameters()) == 2
    assert net.named_parameters()[0][0] == "sequential1." * 199 + "dense1.weight"


@pytest.mark.parametrize("key", ["a b", "a.b", "é", "~2", "", 3, (1, 2), None])
def test_any_key_of_a_dict_is_part_of_a_path_that_a_text_keeps(key):
    net = Holding({key: square()}, square())
    assert names(net)[2] == f"held.0.{key}.weight"
    x = inputs()
    graph = tt.compile(x, net(x)).source_graph
    assert str(tt.parse(str(graph), graph.arrays)) == str(graph)
    assert len(graph.arrays) == 6


arrangements = st.recursive(
    st.sampled_from(["layer", "parameter", "number", "nothing"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from(["a", "b.c", 1, "1"]), inner, max_size=2)
        | st.builds(lambda held: ("module", held), st.lists(inner, max_size=2))
    ),
    max_leaves=8,
)


def built(what):
    if what in ("layer", "parameter", "number", "nothing"):
        makers = {"layer": square, "parameter": lambda: tt.parameter(np.ones(3, np.float32))}
        return makers.get(what, lambda: nn.ReLU())()
    if isinstance(what, tuple) and what[:1] == ("module",):
        return Holding(*map(built, what[1]))
    if isinstance(what, dict):
        return {key: built(item) for key, item in what.items()}
    return type(what)(map(built, what))


@settings(max_examples=25, deadline=None)
@given(st.lists(arrangements, max_size=3))
def test_in_any_arrangement_parts_are_found_once_seeded_and_used(what):
    try:
        nets = [Holding(*map(built, what), seed=5) for _ in range(2)]
    except tt.NameClashError:  # 1 and "1" of one dict
        return
    paths = names(nets[0])
    assert len(set(paths)) == len(paths) == len({p.node.op for p in nets[0].parameters()})
    assert_equal(values(nets[0]), values(nets[1]))
    x = inputs()
    graph = tt.graph_of(nets[0](x))
    assert {node.op for node in graph.parameters} == {p.node.op for p in nets[0].parameters()}
    for twin in copies(nets[0]):
        assert names(twin) == paths
        assert_equal(values(twin), values(nets[0]))
        assert not {p.node.op for p in twin.parameters()} & {p.node.op for p in nets[0].parameters()}


# What cannot be found


class Box:
    def __init__(self, held):
        self.held = held


def calling(hold, take):
    class Using(nn.Module):
        def __init__(self):
            super().__init__()
            self.own = square()
            self.box = hold(square())

        def forward(self, x):
            return {"y": take(self.box)(self.own(x))}

    return Using


LOST = {
    "closure": lambda: calling(lambda layer: lambda: layer, lambda box: box()),
    "set": lambda: calling(lambda layer: {layer}, lambda box: next(iter(box))),
    "object": lambda: calling(Box, lambda box: box.held),
    "bound method": lambda: calling(lambda layer: layer.forward, lambda box: box),
    "made within": lambda: calling(lambda layer: None, lambda box: square()),
    "in a list": lambda: calling(lambda layer: [Box(layer)], lambda box: box[0].held),
    "computed": lambda: calling(lambda layer: tt.exp(layer.weight), lambda box: lambda x: x @ box),
}


@pytest.mark.parametrize("kind", LOST)
def test_what_is_no_part_raises_when_it_is_used(kind):
    net = LOST[kind]()()
    x = inputs()
    with pytest.raises(
        tt.UnreachableParameterError, match=r"Using\(\) uses a parameter that is no part"
    ) as caught:
        net(x)
    assert "fix: set " in str(caught.value)
    assert "test_parts.py" in str(caught.value)
    with pytest.raises(tt.UnreachableParameterError):
        nn.Sequential(square(), net)(x)
    assert names(net) == ["own.weight", "own.bias"]


def test_a_lost_layer_is_named():
    with pytest.raises(
        tt.UnreachableParameterError, match=r"it belongs to Dense\(3, 3\)\n(.|\n)*set the layer"
    ):
        LOST["set"]()()(inputs())
    scale = tt.parameter(np.ones(3, np.float32), "scale")
    with pytest.raises(tt.UnreachableParameterError, match=r"%scale : f32\[3\](.|\n)*fix: set it as"):
        nn.Sequential(square(), lambda x: x * scale)(inputs())


def test_what_is_passed_is_no_part_and_may_be_used():
    class Taking(nn.Module):
        def __init__(self):
            super().__init__()
            self.own = square()

        def forward(self, x, layer, *others, box, scale=1.0):
            return layer(self.own(x)) * box.held * scale, others

    other, w, x = square(), tt.parameter(np.ones(3, np.float32)), inputs()
    y, rest = Taking()(x, other, x, x, box=Box(w), scale=w)
    assert str(y.type) == "f32[n,3]"
    assert len(rest) == 2
    net, encoded = Taking(), other(x)
    net.own = nn.Sequential(net.own, lambda h: h * 2)
    assert names(net) == ["own.dense1.weight", "own.dense1.bias"]
    net(encoded, nn.ReLU(), box=Box(encoded))
    scaled = nn.Sequential(lambda h: h + encoded)
    with pytest.raises(tt.UnreachableParameterError):
        scaled(x)


def test_a_layer_may_be_made_and_set_within_forward():
    class Late(nn.Module):
        layer = None

        def forward(self, x):
            if self.layer is None:
                self.layer = nn.Dense(x.shape[-1], 2)
            return self.layer(x)

    net = Late()
    net(inputs())
    assert names(net) == ["layer.weight", "layer.bias"]


def test_a_failing_forward_leaves_no_trace():
    class Failing(nn.Module):
        def forward(self, x):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Failing()(inputs())
    with pytest.raises(tt.UnreachableParameterError):
        LOST["set"]()()(inputs())


# Constructors and calls


def test_a_forgotten_constructor_several_inputs_and_several_results():
    class Forgetful(nn.Module):
        def __init__(self):
            self.left, self.right = square(), square(bias=False)

        def forward(self, x, y, *, scale=1.0):
            return {"sum": self.left(x) + self.right(y) * scale, "parts": (x, y)}

    net = nn.Sequential(Forgetful(), lambda found: found["sum"], name="net", seed=1)
    assert [p.name for p in net.parameters()] == [
        "net.forgetful1.left.weight", "net.forgetful1.left.bias", "net.forgetful1.right.weight",
    ]  # fmt: skip
    x, y = inputs(), tt.input("y", ("n", 3))
    w, b, v = values(net)
    found = tt.compile([x, y], net(x, y))(ONES, 2 * ONES)
    np.testing.assert_allclose(found, ONES @ w + b + 2 * ONES @ v, rtol=1e-6)
    assert str(Forgetful()(x, y, scale=3.0)["sum"].type) == "f32[n,3]"
    with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
        square()(x, y)


def test_dataclasses_and_abstract_classes_are_modules():
    @dataclasses.dataclass
    class Pair(nn.Module):
        first: nn.Dense
        second: nn.Dense

        def forward(self, x):
            return self.second(self.first(x))

    class Base(nn.Module, ABC):
        @abstractmethod
        def width(self): ...

    pair = Pair(square(), square())
    pair(inputs())
    assert names(nn.Sequential(pair))[0] == "pair1.first.weight"
    with pytest.raises(TypeError, match="abstract"):
        Base()


def test_what_constructors_refuse():
    for seed in (-1, 1.5, "a"):
        with pytest.raises(tt.ArgumentError, match="a seed is None"):
            nn.Sequential(seed=seed)
    layer = square(initialiser=lambda shape, generator: np.ones(3))
    with pytest.raises(tt.ShapeError, match=r"of weight of Dense\(3, 3\) returned \[3\], not \[3, 3\]"):
        tt.value_of(layer.weight)


# Names


class Scaling(nn.Module):
    def __init__(self, name):
        super().__init__()
        self.scale = tt.parameter(np.ones(3, np.float32), name)

    def forward(self, x):
        return x * self.scale


def test_a_parameter_without_a_name_has_that_of_its_place():
    net = nn.Sequential(Scaling(None), Scaling(None))
    assert names(net) == ["scaling1.scale", "scaling2.scale"]
    kept = Scaling("mine")
    assert [(path, p.name) for path, p in kept.named_parameters()] == [("scale", "mine")]
    for twin in copies(kept):
        assert [(path, p.name) for path, p in twin.named_parameters()] == [("scale", "mine")]


def test_names_that_a_user_chose_twice_are_an_error():
    with pytest.raises(
        tt.NameClashError, match=r"are named 'mine': scaling1.scale and scaling2.scale\n  fix"
    ):
        nn.Sequential(Scaling("mine"), Scaling("mine"))
    with pytest.raises(tt.NameClashError, match=r"have the path 'h': Dense\(3, 3\) and Dense\(3, 3\)\n  fix"):
        nn.Sequential(square(name="h"), square(name="h"))
    with pytest.raises(tt.NameClashError, match=r"have the path 'held.0.1'"):
        Holding({1: square(), "1": square()})
    x, one, other = inputs(), tt.parameter(np.ones(3), "w"), tt.parameter(np.ones(3), "w")
    with pytest.raises(tt.NameClashError, match=r"two parameters are named 'w':\n  %w(.|\n)*fix: rename one"):
        tt.compile(x, x * one + other)


def test_layers_drawn_alone_are_named_after_their_places_later():
    a, b = square(), square()
    before = [*values(a), *values(b)]
    net = nn.Sequential(a, b, seed=0)
    assert names(net) == ["dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias"]
    assert_equal(values(net), before)


def test_nothing_is_lost_by_saving_a_graph_of_two_networks():
    maker, judge, x = nn.Sequential(square(name="a")), nn.Sequential(square(name="a")), inputs()
    program = tt.compile(x, judge(maker(x)))
    saved = program.source_graph.arrays
    assert list(saved) == ["a.weight", "a.bias", "a.weight~2", "a.bias~2"]
    assert_equal(saved.values(), [*values(maker), *values(judge)])
    named = [nn.Sequential(square(), name=name) for name in ("maker", "judge")]
    graph = tt.compile(x, named[1](named[0](x))).source_graph
    assert {node.name for node in graph.parameters} == {p.name for net in named for p in net.parameters()}
    assert len(graph.arrays) == 4


# Values


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = square(), square()
        self.last.weight = self.first.weight

    def forward(self, x):
        return self.last(self.first(x))


def test_a_seed_reaches_a_weight_that_is_shared_in_a_constructor():
    one, other = (nn.Sequential(Tied(), square(), seed=7) for _ in range(2))
    assert_equal(values(one), values(other))
    for twin in copies(one):
        assert twin[0].last.weight is twin[0].first.weight
        assert_equal(values(twin), values(one))
    shallow = copy.copy(one)
    assert shallow[0] is one[0]
    assert one.path is None
    assert names(shallow) == names(one)


def test_a_part_that_is_copied_takes_the_values_of_its_place_along():
    net = nn.Sequential(nn.Sequential(square()), seed=1)
    (twin, other), expected = copies(net[0]), values(net)
    for found in (twin, other):
        assert_equal(values(found), expected)
        assert names(found) == ["dense1.weight", "dense1.bias"]


def test_threads_draw_a_parameter_once():
    for _ in range(20):
        layer, together = square(), threading.Barrier(4)
        found = []

        def read(layer=layer, together=together, found=found):
            together.wait()
            found.append(tt.value_of(layer.weight))

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert_equal(found, [found[0]] * 4)
