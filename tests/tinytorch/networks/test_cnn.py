"""A convolutional network as people write it in PyTorch, ported line by line and tracked beside the original.

The same state_dict, the same batches: after each of twenty steps losses, weights and running statistics are
equal within what float32 can tell.
"""

import numpy as np
import pytest

import tinytorch as tt

torch = pytest.importorskip("torch")

STEPS, BATCH = 20, 8


class TheirNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 6, kernel_size=5, padding=2)
        self.bn1 = torch.nn.BatchNorm2d(6)
        self.conv2 = torch.nn.Conv2d(6, 12, kernel_size=3, stride=2, padding=1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(12)
        self.conv3 = torch.nn.Conv2d(12, 12, kernel_size=3, padding="same", groups=3)
        self.pool = torch.nn.MaxPool2d(2)
        self.fc = torch.nn.Linear(12 * 2 * 2, 10)

    def forward(self, x):
        x = self.pool(torch.relu(self.bn1(self.conv1(x))))
        x = torch.relu(self.bn2(self.conv2(x)))
        x = torch.nn.functional.avg_pool2d(torch.nn.functional.relu(self.conv3(x)), 2)
        return self.fc(torch.flatten(x, 1))


class OurNet(tt.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = tt.nn.Conv2d(1, 6, kernel_size=5, padding=2)
        self.bn1 = tt.nn.BatchNorm2d(6)
        self.conv2 = tt.nn.Conv2d(6, 12, kernel_size=3, stride=2, padding=1, bias=False)
        self.bn2 = tt.nn.BatchNorm2d(12)
        self.conv3 = tt.nn.Conv2d(12, 12, kernel_size=3, padding="same", groups=3)
        self.pool = tt.nn.MaxPool2d(2)
        self.fc = tt.nn.Linear(12 * 2 * 2, 10)

    def forward(self, x):
        x = self.pool(tt.relu(self.bn1(self.conv1(x))))
        x = tt.relu(self.bn2(self.conv2(x)))
        x = tt.avg_pool2d(tt.relu(self.conv3(x)), 2)
        return self.fc(tt.flatten(x, 1))


def batches():
    generator = np.random.default_rng(0)
    for _ in range(STEPS):
        images = generator.standard_normal((BATCH, 1, 16, 16)).astype(np.float32)
        images[:, :, :4] = 0  # a background, where windows have equal elements
        yield images, generator.integers(0, 10, BATCH)


def check_states(ours, theirs):
    expected = {name: value.numpy() for name, value in theirs.state_dict().items()}
    found = ours.state_dict(layout="torch")
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        scale = max(1.0, float(np.abs(value).max()))
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-4 * scale, err_msg=name)


def test_twenty_steps_beside_pytorch():
    torch.manual_seed(0)
    theirs, ours = TheirNet(), OurNet()
    ours.load_state_dict(theirs.state_dict())

    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.05, momentum=0.9)

    x, y = tt.input("x", ("batch", 1, 16, 16)), tt.input("y", ("batch",), "int64")
    loss = tt.losses.cross_entropy(ours(x), y)
    updates = tt.optim.SGD(ours.parameters(), lr=0.05, momentum=0.9).updates(loss)
    step = tt.compile([x, y], loss, updates=updates)

    for images, labels in batches():
        optimizer.zero_grad()
        expected = criterion(theirs(torch.from_numpy(images)), torch.from_numpy(labels))
        expected.backward()
        optimizer.step()
        np.testing.assert_allclose(step(images, labels), expected.item(), rtol=1e-4)
        check_states(ours, theirs)

    predict = tt.compile(x, ours.eval()(x))
    images, _ = next(batches())
    with torch.no_grad():
        expected = theirs.eval()(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(predict(images), expected, rtol=1e-3, atol=1e-3)
