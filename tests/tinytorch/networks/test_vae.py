"""A variational autoencoder as people write it in PyTorch, ported, and tracked step by step beside it.

Both are given the same noise, as a column of the data.
"""

import numpy as np
import pytest

import tinytorch as tt

torch = pytest.importorskip("torch")
F = torch.nn.functional

PIXELS, HIDDEN, CODE, ROWS = 64, 24, 3, 96


class Original(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = torch.nn.Sequential(torch.nn.Linear(PIXELS, HIDDEN), torch.nn.ELU())
        self.mean, self.log_variance = torch.nn.Linear(HIDDEN, CODE), torch.nn.Linear(HIDDEN, CODE)
        self.decode = torch.nn.Sequential(
            torch.nn.Linear(CODE, HIDDEN), torch.nn.ELU(), torch.nn.Linear(HIDDEN, PIXELS)
        )

    def forward(self, x, noise):
        hidden = self.encode(x)
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        return self.decode(mean + torch.exp(0.5 * log_variance) * noise), mean, log_variance


class Port(tt.nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = tt.nn.Sequential(tt.nn.Linear(PIXELS, HIDDEN), tt.nn.ELU())
        self.mean, self.log_variance = tt.nn.Linear(HIDDEN, CODE), tt.nn.Linear(HIDDEN, CODE)
        self.decode = tt.nn.Sequential(tt.nn.Linear(CODE, HIDDEN), tt.nn.ELU(), tt.nn.Linear(HIDDEN, PIXELS))

    def forward(self, x, noise):
        hidden = self.encode(x)
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        return self.decode(mean + tt.exp(0.5 * log_variance) * noise), mean, log_variance


def test_the_port_takes_the_same_steps():
    images = tt.data.load_digits()[0][:ROWS]
    noise = np.random.default_rng(0).standard_normal((ROWS, CODE), np.float32)
    torch.manual_seed(0)
    model, network = Original(), Port()
    network.load_state_dict(model.state_dict())

    x, given = tt.input("x", ("n", PIXELS)), tt.input("noise", ("n", CODE))
    logits, mean, log_variance = network(x, given)
    pixels = tt.losses.binary_cross_entropy_with_logits(logits, x, reduction="sum") / x.shape[0]
    code = -0.5 * (1 + log_variance - mean**2.0 - tt.exp(log_variance)).sum(axis=1).mean()
    loss = pixels + code
    updates = tt.optim.Adam(network.parameters(), lr=5e-3).updates(loss)
    step = tt.compile([x, given], {"loss": loss, "code": code}, updates=updates)
    loader = tt.DataLoader((images, noise), batch_size=20, shuffle=True, seed=0)
    history = tt.fit(step, loader, epochs=20, record_steps=True)

    optimizer, found = torch.optim.Adam(model.parameters(), lr=5e-3), []
    loader.epoch = 0
    for _ in range(20):
        for x, given in loader:
            optimizer.zero_grad()
            logits, mean, log_variance = model(torch.tensor(x), torch.tensor(given))
            pixels = F.binary_cross_entropy_with_logits(logits, torch.tensor(x), reduction="sum") / len(x)
            code = -0.5 * (1 + log_variance - mean.pow(2) - log_variance.exp()).sum(axis=1).mean()
            (pixels + code).backward()
            optimizer.step()
            found.append([(pixels + code).item(), code.item()])
    assert found[-1][0] < 0.7 * found[0][0]
    tracked = [[row["loss"], row["code"]] for row in history.steps]
    np.testing.assert_allclose(tracked, found, rtol=2e-4, atol=2e-4)
    for name, value in network.state_dict(layout="torch").items():
        np.testing.assert_allclose(value, model.state_dict()[name].numpy(), atol=5e-4, err_msg=name)
