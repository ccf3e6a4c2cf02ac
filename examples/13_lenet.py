"""LeNet on real digits: convolutions, pools and dense layers, after LeCun, Bottou, Bengio and Haffner (1998).

Their images are 32 by 32 and ours 8 by 8, so kernels are 3 by 3 and keep the extents of what they see. Batch
normalisation and dropout are younger than the network, and do it good: 1437 digits are few.
"""

import math
import time

import numpy as np

import tinytorch as tt
from tinytorch.data import load_digits


class LeNet(tt.nn.Module):
    """From images `[batch, 1, 8, 8]` to a score for each of ten digits."""

    def __init__(self, seed=None):
        super().__init__(seed=seed)
        self.conv1 = tt.nn.Conv2d(1, 16, kernel_size=3, padding=1)
        self.norm1 = tt.nn.BatchNorm2d(16)
        self.conv2 = tt.nn.Conv2d(16, 32, kernel_size=3, padding=1)
        self.norm2 = tt.nn.BatchNorm2d(32)
        self.pool = tt.nn.MaxPool2d(2)
        self.dropout = tt.nn.Dropout(0.3)
        self.fc1 = tt.nn.Linear(32 * 2 * 2, 120)
        self.fc2 = tt.nn.Linear(120, 84)
        self.fc3 = tt.nn.Linear(84, 10)

    def forward(self, x):
        x = self.pool(tt.relu(self.norm1(self.conv1(x))))
        x = self.pool(tt.relu(self.norm2(self.conv2(x))))
        x = self.dropout(x.flatten(1))
        x = self.dropout(tt.relu(self.fc1(x)))
        x = tt.relu(self.fc2(x))
        return self.fc3(x)


EPOCHS, BATCH = 25, 32

images, labels = load_digits()
images = images.reshape(-1, 1, 8, 8)
order = np.random.default_rng(0).permutation(len(images))
test, train = order[:360], order[360:]

x = tt.input("x", shape=("batch", 1, 8, 8))
y = tt.input("y", shape=("batch",), dtype="int64")
rate = tt.input("rate", shape=())

start = time.perf_counter()
net = LeNet(seed=0)
loss = tt.losses.cross_entropy(net(x), y)
optimiser = tt.optim.Adam(net.parameters(), lr=rate)
step = tt.compile([x, y, rate], loss, updates=optimiser.updates(loss))  # running means and masks move with it
net.eval()
predict = tt.compile([x], tt.argmax(net(x), axis=1))

generator = np.random.default_rng(1)
for epoch in range(EPOCHS):
    falling = np.float32(2e-3 * (1 + math.cos(math.pi * epoch / EPOCHS)) / 2)
    parts = np.array_split(generator.permutation(train), len(train) // BATCH)
    losses = [step(images[part], labels[part], falling) for part in parts]
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1:2}: loss {np.mean(losses):.4f}")

right = np.mean(predict(images[test]) == labels[test])
print(f"{right:.1%} of {len(test)} held-out digits, after {time.perf_counter() - start:.1f} s")
assert right >= 0.985
