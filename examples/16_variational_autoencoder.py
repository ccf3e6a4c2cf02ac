"""A variational autoencoder of the digits: a plane on which neighbours look alike, drawn.

    python examples/16_variational_autoencoder.py plane.png

Kingma and Welling, Auto-Encoding Variational Bayes (2014). The encoder gives each image a point of the plane
and how sure it is of it; the decoder draws an image for each point. The loss is what it costs, in nats, to
write an image down by its point: the pixels that the decoder gets wrong, and how much the code differs from
a standard normal.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

import tinytorch as tt
from tinytorch.plots import new_figure, saved

WIDTH, EPOCHS = 128, 300
GRID, EDGE = 15, 2.6


class Sampled(tt.nn.Module):
    """A normal variable by its mean and the logarithm of its variance; in evaluation, its mean."""

    def __init__(self) -> None:
        super().__init__()
        self.declare_buffer("counter", (), "zeros", "int64", persistent=False)

    def forward(self, mean: tt.Tensor, log_variance: tt.Tensor) -> tt.Tensor:
        if not self.training:
            return mean
        # Other noise in every step: a formula of a counter, which the optimiser's updates move on.
        noise = tt.random.normal(tt.random.fold_in(tt.random.key(0), self.counter), mean.shape)
        tt.nn.advance(self.counter, noise, lambda counter, _: counter + 1)
        return mean + tt.exp(log_variance / 2) * noise


class Autoencoder(tt.nn.Module):
    """From an image to a point, and back."""

    def __init__(self) -> None:
        super().__init__(seed=0)
        self.encoder = tt.nn.Sequential(tt.nn.Dense(64, WIDTH), tt.nn.SiLU(), tt.nn.Dense(WIDTH, 4))
        self.sampled = Sampled()
        self.decoder = tt.nn.Sequential(
            tt.nn.Dense(2, WIDTH),
            tt.nn.SiLU(),
            tt.nn.Dense(WIDTH, WIDTH),
            tt.nn.SiLU(),
            tt.nn.Dense(WIDTH, 64),
        )

    def code(self, image: tt.Tensor) -> tuple[tt.Tensor, tt.Tensor]:
        """The mean of an image's point, and the logarithm of its variance."""
        both = self.encoder(image)
        return both[:, :2], both[:, 2:]

    def forward(self, image: tt.Tensor) -> dict[str, tt.Tensor]:
        """What it costs to write images down, in nats, and the two parts of that."""
        mean, log_variance = self.code(image)
        logits = self.decoder(self.sampled(mean, log_variance))
        pixels = tt.losses.binary_cross_entropy_with_logits(logits, image, reduction="none").sum(axis=1)
        code = 0.5 * (tt.exp(log_variance) + mean**2.0 - 1 - log_variance).sum(axis=1)
        return {"loss": (pixels + code).mean(), "pixels": pixels.mean(), "code": code.mean()}


def draw(path: Path, points: np.ndarray, labels: np.ndarray, images: np.ndarray) -> None:
    """The points of all images by their digit, and what the decoder draws on a grid of points."""
    figure = new_figure((11.0, 5.4))
    plane, drawn = figure.subplots(1, 2)
    for digit in range(10):
        where = points[labels == digit]
        plane.scatter(*where.T, s=9, color=f"C{digit}", alpha=0.75, linewidths=0)
        plane.text(
            *np.median(where, axis=0), str(digit), fontsize=15, weight="bold", ha="center", va="center",
            bbox={"boxstyle": "circle,pad=0.15", "fc": "white", "alpha": 0.8, "ec": f"C{digit}"},
        )  # fmt: skip
    ends = (-EDGE, EDGE)
    plane.set(title="where the encoder puts the digits", xlim=ends, ylim=ends, aspect="equal")
    rows = images.reshape(GRID, GRID, 8, 8)[::-1]  # a picture is read from the top
    apart = np.pad(rows, ((0, 0), (0, 0), (1, 1), (1, 1)))
    whole = apart.transpose(0, 2, 1, 3).reshape(GRID * 10, GRID * 10)
    drawn.imshow(whole, cmap="gray_r", extent=(*ends, *ends))
    drawn.set(title="what the decoder draws there")
    for cell in (plane, drawn):
        cell.spines[:].set_color("0.8")
        cell.tick_params(color="0.8", labelsize=8)
    saved(figure, path)


images, labels = tt.data.load_digits()
order = np.random.default_rng(0).permutation(len(images))
held_out, train = images[order[:360]], images[order[360:]]

image = tt.input("image", ("batch", 64))
network = Autoencoder()
losses = network(image)
optimiser = tt.optim.Adam(network.parameters(), lr=2e-3)
step = tt.compile([image], losses, updates=optimiser.updates(losses["loss"]))
network.eval()  # the point itself, without noise
judge = tt.compile([image], network(image))

history = tt.fit(step, train, epochs=EPOCHS, batch_size=64, seed=0, validation=(judge, held_out))
print(history)
assert history["loss"][-1] < 24.3 < 30 < history["loss"][0]

point = tt.input("point", ("batch", 2))
decode = tt.compile([point], tt.sigmoid(network.decoder(point)))
encode = tt.compile([image], network.code(image)[0])
axis = np.linspace(-EDGE, EDGE, GRID + 1, dtype=np.float32)[:-1] + np.float32(EDGE / GRID)
grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
with tempfile.TemporaryDirectory() as folder:
    path = Path(sys.argv[1] if len(sys.argv) > 1 else Path(folder, "plane.png"))
    draw(path, encode(images), labels, decode(grid))
    print(f"drawn: {path.name}, {path.stat().st_size // 1000} kB")

# Neighbours look alike: the nearest image of those it has learnt from is most often the same digit.
codes, others = encode(train), encode(held_out)
nearest = ((others[:, None] - codes) ** 2).sum(axis=-1).argmin(axis=1)
alike = (labels[order[360:]][nearest] == labels[order[:360]]).mean()
print(f"{alike:.0%} of the held-out digits lie next to one of their kind")
assert alike > 0.7
