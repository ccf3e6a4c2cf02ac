"""An LSTM classifier as people write it in PyTorch, ported line by line, and tracked beside the original.

Sequences of words of several lengths, padded; an embedding whose padding is not trained, two layers in both
directions, the last states of both, a head. Adam, gradients clipped by their norm.
"""

import numpy as np
import pytest

import tinytorch as tt

torch = pytest.importorskip("torch")

WORDS, WIDTH, HIDDEN, CLASSES, LENGTH, BATCH, STEPS = 20, 6, 5, 3, 5, 8, 20
LR, CLIP = 0.02, 0.5


class Original(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(WORDS, WIDTH, padding_idx=0)
        self.lstm = torch.nn.LSTM(WIDTH, HIDDEN, num_layers=2, batch_first=True, bidirectional=True)
        self.head = torch.nn.Linear(2 * HIDDEN, CLASSES)

    def forward(self, words):
        _, (hidden, _) = self.lstm(self.embedding(words))
        return self.head(torch.cat([hidden[-2], hidden[-1]], dim=1))


class Port(tt.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = tt.nn.Embedding(WORDS, WIDTH, padding_idx=0)
        self.lstm = tt.nn.LSTM(WIDTH, HIDDEN, num_layers=2, batch_first=True, bidirectional=True)
        self.head = tt.nn.Linear(2 * HIDDEN, CLASSES)

    def forward(self, words):
        _, (hidden, _) = self.lstm(self.embedding(words))
        return self.head(tt.concatenate([hidden[-2], hidden[-1]], axis=1))


def batches():
    generator = np.random.default_rng(1)
    for _ in range(STEPS):
        words = generator.integers(1, WORDS, (BATCH, LENGTH))
        words[np.arange(LENGTH) >= generator.integers(3, LENGTH + 1, (BATCH, 1))] = 0
        yield words, words.max(1) % CLASSES


def original(model):
    optimizer = torch.optim.Adam(model.parameters(), lr=LR)
    for words, labels in batches():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(torch.tensor(words)), torch.tensor(labels))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        yield loss.item()


def port(network):
    words = tt.input("words", ("batch", LENGTH), "int64")
    labels = tt.input("labels", ("batch",), "int64")
    loss = tt.losses.cross_entropy(network(words), labels)
    optimiser = tt.optim.Adam(network.parameters(), lr=LR)
    gradients = tt.clip_grad_norm(tt.grad(loss, network.parameters()), CLIP)
    step = tt.compile([words, labels], loss, updates=optimiser.updates_from(gradients))
    for arrays in batches():
        yield step(*arrays)


def test_the_port_takes_the_same_steps():
    torch.manual_seed(0)
    model, network = Original(), Port()
    network.load_state_dict(model.state_dict())
    np.testing.assert_allclose(list(port(network)), list(original(model)), rtol=2e-4)
    found = network.state_dict(layout="torch")
    assert list(found) == list(model.state_dict())
    for name, value in model.state_dict().items():
        np.testing.assert_allclose(found[name], value.numpy(), rtol=2e-3, atol=2e-4, err_msg=name)
    np.testing.assert_array_equal(found["embedding.weight"][0], 0)
