"""Networks of PyTorch, opened and fine-tuned here: outputs, losses and weights are those of PyTorch's own."""

import numpy as np
import pytest

import tinytorch as tt

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

STEPS = 100
BATCH = 4
ROUNDING = 1e-14
"""How far losses may be apart after a step, and so many times that after so many steps: in float64 sums of
another order differ by some units in the last place of numbers near 1."""
EPSILONS = 4e-12
"""The same of networks that normalise: in a file the epsilon of a norm is a float32, another number than
PyTorch's double by 3e-13 for 1e-5. Nothing in float32 would tell such a difference from rounding."""


class Residual(torch.nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(outputs)
        self.conv2 = torch.nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(outputs)
        self.shortcut = torch.nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class Recurrent(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(6, 8, num_layers=2, batch_first=True, bidirectional=True)
        self.head = torch.nn.Linear(16, 10)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


class Encoder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(20, 16)
        self.register_buffer("positions", torch.randn(7, 16))
        layer = torch.nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, activation="gelu")
        self.encoder = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = torch.nn.Linear(16, 10)

    def forward(self, tokens):
        mask = torch.nn.Transformer.generate_square_subsequent_mask(7)
        return self.head(self.encoder(self.embedding(tokens) + self.positions, mask, is_causal=False).mean(1))


def lenet():
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 20), nn.ReLU(), nn.Dropout(0.5), nn.Linear(20, 10),
    ), torch.randn(BATCH, 1, 16, 16)  # fmt: skip


def resnet():
    nn = torch.nn
    stem = [nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10)]
    return nn.Sequential(*stem, Residual(8, 8, 1), Residual(8, 16, 2), *head), torch.randn(BATCH, 3, 8, 8)


def recurrent():
    return Recurrent(), torch.randn(BATCH, 5, 6)


def encoder():
    return Encoder(), torch.randint(0, 20, (BATCH, 7))


def batch_like(example):
    """Another batch, of numbers in float64 or of tokens."""
    if example.is_floating_point():
        return torch.randn(example.shape, dtype=torch.float64)
    return torch.randint(0, 20, example.shape)


def statistics(module):
    """Running statistics as after some batches, for a norm that does nothing shows nothing."""
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)


@pytest.fixture(autouse=True)
def one_thread():
    """PyTorch's networks are small, and its threads wait for each other longer than they compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("made", "is_symbolic", "rate", "apart"),
    [
        (lenet, True, 0.02, ROUNDING),
        pytest.param(resnet, True, 0.03, EPSILONS, marks=pytest.mark.slow),
        (recurrent, False, 0.2, ROUNDING),
        (encoder, True, 0.02, EPSILONS),
    ],
)
def test_a_network_of_pytorch_is_fine_tuned_as_pytorch_does_it(made, is_symbolic, rate, apart):
    torch.manual_seed(0)
    theirs, example = made()
    statistics(theirs)
    theirs.eval().double()
    batches = [batch_like(example) for _ in range(3)]
    shapes = ({0: "batch"},) if is_symbolic else None
    model = tt.from_torch(theirs, batches[0], dynamic_shapes=shapes)
    assert set(model.state_dict()) == set(theirs.state_dict())
    with torch.no_grad():
        wanted = theirs(batches[0]).numpy()
    np.testing.assert_allclose(model.compile()(batches[0].numpy()), wanted, atol=10 * apart)

    labels = tt.input("labels", model.outputs[0].shape[:1], "int64")
    loss = tt.losses.cross_entropy(model.outputs[0], labels)
    optimiser = tt.optim.SGD(model.trainable(), rate, momentum=0.9)
    step = tt.compile([*model.inputs, labels], loss, updates=optimiser.updates(loss))
    peer = torch.optim.SGD(theirs.parameters(), rate, momentum=0.9)
    classes = torch.randint(0, 10, (len(batches), BATCH))
    losses = []
    for k in range(STEPS):
        given, kinds = batches[k % len(batches)], classes[k % len(batches)]
        peer.zero_grad()
        their_loss = torch.nn.functional.cross_entropy(theirs(given), kinds)
        their_loss.backward()
        peer.step()
        losses.append((float(step(given.numpy(), kinds.numpy())), their_loss.item()))
    ours, others = np.array(losses).T
    assert ours[-3:].mean() < 0.9 * ours[:3].mean()
    assert np.all(np.abs(ours - others) <= apart * np.arange(1, STEPS + 1))
    state = model.state_dict()
    for key, tensor in theirs.state_dict().items():
        np.testing.assert_allclose(state[key], tensor.numpy(), atol=apart * STEPS, rtol=0, err_msg=key)
