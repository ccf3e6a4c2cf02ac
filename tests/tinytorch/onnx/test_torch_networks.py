"""Networks of PyTorch, opened and fine-tuned here: outputs, losses and weights are those of PyTorch's own."""

import numpy as np
import pytest

import tinytorch as tt

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

STEPS = 20
BATCH = 4


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


def statistics(module):
    """Running statistics as after some batches, for a norm that does nothing shows nothing."""
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)


@pytest.mark.parametrize(
    ("made", "is_symbolic"),
    [(lenet, True), pytest.param(resnet, True, marks=pytest.mark.slow), (recurrent, False), (encoder, True)],
)
def test_a_network_of_pytorch_is_fine_tuned_as_pytorch_does_it(made, is_symbolic):
    torch.manual_seed(0)
    theirs, example = made()
    statistics(theirs)
    theirs.eval()
    shapes = ({0: "batch"},) if is_symbolic else None
    model = tt.from_torch(theirs, example, dynamic_shapes=shapes)
    assert set(model.state_dict()) == set(theirs.state_dict())
    with torch.no_grad():
        wanted = theirs(example).numpy()
    np.testing.assert_allclose(model.compile()(example.numpy()), wanted, atol=2e-6)

    labels = tt.input("labels", model.outputs[0].shape[:1], "int64")
    loss = tt.losses.cross_entropy(model.outputs[0], labels)
    optimiser = tt.optim.SGD(model.trainable(), 0.05, momentum=0.9)
    step = tt.compile([*model.inputs, labels], loss, updates=optimiser.updates(loss))
    peer = torch.optim.SGD(theirs.parameters(), 0.05, momentum=0.9)
    classes = torch.arange(BATCH)
    losses = []
    for _ in range(STEPS):
        peer.zero_grad()
        their_loss = torch.nn.functional.cross_entropy(theirs(example), classes)
        their_loss.backward()
        peer.step()
        losses.append((float(step(example.numpy(), classes.numpy())), their_loss.item()))
    ours, others = np.array(losses).T
    assert ours[-1] < 0.8 * ours[0]
    np.testing.assert_allclose(ours, others, rtol=2e-4, atol=2e-5)
    state = model.state_dict()
    for key, tensor in theirs.state_dict().items():
        np.testing.assert_allclose(state[key], tensor.numpy(), rtol=1e-3, atol=2e-4, err_msg=key)
