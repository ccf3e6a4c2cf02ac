"""A script as people write it in PyTorch, ported line by line, and tracked step by step beside the original.

An MLP with batch norm, dropout, Adam, a schedule of epochs and early stopping with the best weights restored.
Torch's masks cannot be ours, so both are given the same ones; the last test has `tt.nn.Dropout`.
"""

import copy

import numpy as np
import pytest

import tinytorch as tt

torch = pytest.importorskip("torch")

ROWS, INPUTS, HIDDEN, CLASSES = 90, 6, 16, 3
P, LR, STEP, GAMMA, EPOCHS, PATIENCE = 0.25, 0.03, 4, 0.5, 40, 3


class Original(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(INPUTS, HIDDEN)
        self.norm = torch.nn.BatchNorm1d(HIDDEN)
        self.second = torch.nn.Linear(HIDDEN, HIDDEN)
        self.head = torch.nn.Linear(HIDDEN, CLASSES)

    def forward(self, x, mask):
        x = torch.relu(self.norm(self.first(x)))
        x = x * mask / (1 - P) if self.training else x
        return self.head(torch.tanh(self.second(x)))


class Port(tt.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = tt.nn.Linear(INPUTS, HIDDEN)
        self.norm = tt.nn.BatchNorm1d(HIDDEN)
        self.second = tt.nn.Linear(HIDDEN, HIDDEN)
        self.head = tt.nn.Linear(HIDDEN, CLASSES)

    def forward(self, x, mask):
        x = tt.relu(self.norm(self.first(x)))
        x = x * mask / (1 - P) if self.training else x
        return self.head(tt.tanh(self.second(x)))


def data(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three overlapping clouds, so that a network overfits; and a mask for each row."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, CLASSES, rows)
    centres = np.random.default_rng(0).standard_normal((CLASSES, INPUTS))
    x = centres[labels] + 1.4 * generator.standard_normal((rows, INPUTS))
    return x.astype(np.float32), generator.random((rows, HIDDEN)) > P, labels


def original(model, train, held_out):
    """The losses of every step and epoch, and the model with its best weights."""
    optimizer = torch.optim.Adam(model.parameters(), lr=LR, weight_decay=1e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, STEP, GAMMA)
    steps, epochs, best, waited = [], [], (np.inf, None), 0
    loader = tt.DataLoader(train, batch_size=32, shuffle=True, seed=1)
    for _ in range(EPOCHS):
        model.train()
        for x, mask, labels in loader:
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(
                model(torch.tensor(x), torch.tensor(mask)), torch.tensor(labels)
            )
            loss.backward()
            optimizer.step()
            steps.append(loss.item())
        scheduler.step()
        model.eval()
        with torch.no_grad():
            x, mask, labels = map(torch.tensor, held_out)
            epochs.append(torch.nn.functional.cross_entropy(model(x, mask), labels).item())
        if epochs[-1] < best[0]:
            best, waited = (epochs[-1], copy.deepcopy(model.state_dict())), 0
        else:
            waited += 1
            if waited >= PATIENCE:
                break
    model.load_state_dict(best[1])
    return steps, epochs


def port(network, train, held_out):
    x = tt.input("x", ("batch", INPUTS))
    mask = tt.input("mask", ("batch", HIDDEN), "bool")
    labels = tt.input("labels", ("batch",), "int64")
    batches = len(tt.DataLoader(train, batch_size=32))
    lr = LR * tt.optim.schedules.step(STEP, GAMMA).every(batches)
    loss = tt.losses.cross_entropy(network(x, mask), labels)
    optimiser = tt.optim.Adam(network.parameters(), lr=lr, weight_decay=1e-3)
    step = tt.compile([x, mask, labels], loss, updates=optimiser.updates(loss))
    network.eval()
    judge = tt.compile([x, mask, labels], tt.losses.cross_entropy(network(x, mask), labels))
    return tt.fit(
        step, tt.DataLoader(train, batch_size=32, shuffle=True, seed=1), epochs=EPOCHS, record_steps=True,
        callbacks=tt.callbacks.EarlyStopping("val_loss", PATIENCE, restore_best=True),
        validation=(judge, held_out),
    )  # fmt: skip


def test_the_port_takes_the_same_steps_stops_in_the_same_epoch_and_keeps_the_same_weights():
    train, held_out = data(ROWS, 1), data(60, 2)
    torch.manual_seed(0)
    model, network = Original(), Port()
    network.load_state_dict(model.state_dict())
    steps, epochs = original(model, train, held_out)
    history = port(network, train, held_out)
    assert PATIENCE < len(epochs) < EPOCHS
    assert len(history) == len(epochs)
    np.testing.assert_allclose([row["loss"] for row in history.steps], steps, rtol=1e-4)
    np.testing.assert_allclose(history["val_loss"], epochs, rtol=1e-4)
    assert history.stopped is not None
    found = network.state_dict(layout="torch")
    assert list(found) == list(model.state_dict())
    for name, value in model.state_dict().items():
        np.testing.assert_allclose(found[name], value.numpy(), rtol=1e-3, atol=1e-4, err_msg=name)


def test_a_loader_of_torch_s_feeds_it_too():
    x, mask, labels = data(ROWS, 1)
    tensors = torch.utils.data.TensorDataset(*map(torch.tensor, (x, mask, labels)))
    given, score = (tt.input("x", ("n", INPUTS)), tt.input("mask", ("n", HIDDEN), "bool")), []
    y, w = tt.input("y", ("n",), "int64"), tt.parameter(np.zeros(CLASSES, np.float32), "w")
    logits = w + given[0][:, :CLASSES] * given[1][:, :CLASSES]
    loss = tt.losses.cross_entropy(logits, y)
    step = tt.compile([*given, y], loss, updates=tt.optim.SGD([w], lr=0.1).updates(loss))
    for loader in (torch.utils.data.DataLoader(tensors, batch_size=32), tt.DataLoader((x, mask, labels), 32)):
        tt.set_value(w, np.zeros(CLASSES))
        score.append(tt.fit(step, loader, epochs=2)["loss"])
    assert score[0] == score[1]


def dropped(seed: int):
    """The same of layers alone, with masks of our own: its step, and all that it reads and writes."""
    network = tt.nn.Sequential(
        tt.nn.Linear(INPUTS, HIDDEN), tt.nn.BatchNorm1d(HIDDEN), tt.nn.ReLU(), tt.nn.Dropout(P),
        tt.nn.Linear(HIDDEN, CLASSES), seed=seed,
    )  # fmt: skip
    x, labels = tt.input("x", ("batch", INPUTS)), tt.input("labels", ("batch",), "int64")
    loss = tt.losses.cross_entropy(network(x), labels)
    step = tt.compile([x, labels], loss, updates=tt.optim.Adam(network.parameters()).updates(loss))
    return step, [tt.Tensor(node) for node in step.source_graph.parameters]


def test_running_statistics_and_counters_of_masks_go_on_to_the_same_bits(tmp_path):
    x, _, labels = data(ROWS, 1)
    path = tmp_path / "mlp.safetensors"

    def press(state):
        if state.steps == 5:
            state.save(path)
            raise KeyboardInterrupt

    interrupting = tt.callbacks.Callback()
    interrupting.on_step_end = press

    whole, held = dropped(seed=0)
    wanted = tt.fit(whole, (x, labels), epochs=4, seed=7)
    begun, _ = dropped(seed=0)
    tt.fit(begun, (x, labels), epochs=4, seed=7, callbacks=interrupting)
    resumed, values = dropped(seed=1)
    found = tt.fit(resumed, (x, labels), epochs=4, resume=path)
    assert found["loss"] == wanted["loss"]
    assert [tt.value_of(item).tobytes() for item in values] == [tt.value_of(item).tobytes() for item in held]
