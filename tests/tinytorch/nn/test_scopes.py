"""Modules open scopes: what a layer computes belongs to its place in the network."""

import pytest

import tinytorch as tt


class Attention(tt.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.query = tt.nn.Dense(width, width)
        self.keys = {"first": tt.nn.Dense(width, width)}

    def forward(self, x):
        return tt.softmax(self.query(x)) * self.keys["first"](x)


class Block(tt.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.attention = Attention(width)

    def forward(self, x):
        return x + self.attention(x)


class Network(tt.nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = [Block(4), Block(4)]

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


def scopes(y) -> list[str]:
    graph = tt.graph_of(y)
    found = (".".join(graph.scopes[node]) for node in graph.nodes if node.operands)
    return list(dict.fromkeys(found))


@pytest.fixture
def x():
    return tt.input("x", ("batch", 4))


def test_a_layer_is_called_after_the_attributes_that_lead_to_it(x):
    assert scopes(Network()(x)) == [
        f"blocks.{k}{part}"
        for k in (0, 1)
        for part in (".attention.query", ".attention.softmax", ".attention.keys.first", ".attention", "")
    ]


def test_a_layer_that_was_appended_late_has_its_place(x):
    network = Network()
    network(x)
    network.blocks.append(Block(4))
    assert "blocks.2.attention.query" in scopes(network(x))


def test_a_layer_that_is_called_twice_is_two_uses(x):
    layer = tt.nn.Dense(4, 4)
    network = tt.nn.Sequential(layer, tt.nn.ReLU(), layer)
    assert scopes(network(x)) == ["dense1.0", "relu1", "dense1.1"]
    assert scopes([network(x), network(x)])[0] == "dense1.0"


def test_a_layer_of_a_layer_that_the_outermost_calls_itself_has_the_whole_path(x):
    class Bare(tt.nn.Module):
        def __init__(self):
            super().__init__()
            self.block = Block(4)

        def forward(self, x):
            return self.block.attention.query(x)

    assert scopes(Bare()(x)) == ["block.attention.query"]


def test_layers_alone_are_called_after_their_class_and_networks_after_their_name(x):
    assert scopes(tt.nn.GELU()(tt.nn.Dense(4, 4)(x))) == ["dense", "gelu"]
    assert scopes(tt.nn.Sequential(tt.nn.ReLU(), name="encoder")(x)) == ["encoder.relu1"]
    assert scopes(tt.nn.Dense(4, 4, name="first")(x)) == ["first"]


def test_gradients_and_updates_have_scopes(x):
    network = Network()
    loss = tt.losses.mse(network(x), tt.input("y", ("batch", 4)))
    assert "blocks.0.attention.query" in scopes(tt.grad(loss, x))
    updates = tt.optim.SGD(network.parameters(), lr=0.1).updates(loss)
    assert "sgd.blocks.0.attention.query.weight" in scopes(list(updates.values()))


def test_an_error_in_a_layer_closes_its_scope(x):
    class Wrong(tt.nn.Module):
        def forward(self, x):
            raise KeyError

    with pytest.raises(KeyError):
        Wrong()(x)
    assert scopes(tt.exp(x)) == [""]
    assert scopes(Network()(x))[0] == "blocks.0.attention.query"
