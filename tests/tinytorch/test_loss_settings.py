"""Losses with weights, masks, smoothing and at the edges equal torch's; as layers they are the same."""

import itertools
import pickle

import numpy as np
import pytest

from compiler.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError
from tests.backends import ALL, FAST
from tinytorch import api, losses, nn

torch = pytest.importorskip("torch")
F = torch.nn.functional

R = np.random.default_rng(11)
LOGITS, SHARES = R.standard_normal((5, 4)) * 3, R.dirichlet(np.ones(4), 5)
LABELS, MASKED = np.array([0, 3, 1, 1, 2]), np.array([0, -100, 1, 2, 2])
IMAGES, PIXELS = R.standard_normal((2, 4, 3)), np.array([[0, 2, 1], [2, 2, 3]])
WEIGHT = np.array([0.5, 2.0, 1.0, 0.0])
REDUCTIONS = ("mean", "sum", "none")


def agree(mine, theirs, arrays, settings, backend="numpy"):
    """Values and first gradients by the first operand, of every setting in one program."""
    inputs = [api.input(f"x{k}", item.shape, item.dtype) for k, item in enumerate(arrays)]
    tensors = [torch.tensor(item) for item in arrays]
    tensors[0].requires_grad_()
    results, expected = [], []
    for ours, torchs in settings:
        value = mine(*inputs, **ours)
        results += [value, api.grad(value.sum(), inputs[0])]
        wanted = theirs(*tensors, **torchs)
        expected += [wanted, *torch.autograd.grad(wanted.sum(), tensors[0])]
    found = api.compile(inputs, results, backend=backend)(*arrays)
    for k, (a, b) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_allclose(a, b.detach(), rtol=1e-11, atol=1e-13, err_msg=str(settings[k // 2]))


def same(**choices):
    """All combinations of settings, for ours and for torch: arrays are tensors there."""
    for values in itertools.product(*choices.values()):
        named = {name: item for name, item in zip(choices, values, strict=True) if item is not None}
        yield named, {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in named.items()}


@pytest.mark.parametrize(
    ("logits", "target"),
    [(LOGITS, MASKED), (LOGITS, SHARES), (IMAGES, PIXELS), (LOGITS[0], np.array(2))],
    ids=["rows", "shares", "images", "one row"],
)
def test_cross_entropy_with_weights_masks_and_smoothing(logits, target):
    masks = [None] if target.dtype.kind == "f" else [-100, 2] if target.min() < 0 else [None, 2]
    masks = masks if target.min() >= 0 or target.dtype.kind == "f" else [-100]
    settings = list(
        same(
            weight=[None, WEIGHT],
            ignore_index=masks,
            label_smoothing=[None, 0.1],
            reduction=REDUCTIONS if logits.ndim == 2 else ("mean",),
        )
    )
    agree(losses.cross_entropy, F.cross_entropy, [logits, target], settings)


@pytest.mark.parametrize("backend", ALL)
def test_masked_rows_cost_nothing_on_any_backend(backend):
    settings = list(same(weight=[WEIGHT], ignore_index=[-100], label_smoothing=[0.2]))
    agree(losses.cross_entropy, F.cross_entropy, [LOGITS, MASKED], settings, backend)
    spoilt = LOGITS.copy()
    spoilt[1] = np.nan
    x, y = api.input("x", (5, 4), "float64"), api.input("y", (5,), "int64")
    loss = losses.cross_entropy(x, y, ignore_index=-100)
    value, slopes = api.compile([x, y], [loss, api.grad(loss, x)], backend=backend)(spoilt, MASKED)
    rest = [0, 2, 3, 4]
    expected = F.cross_entropy(torch.tensor(LOGITS[rest]), torch.tensor(MASKED[rest]))
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_array_equal(slopes[1], 0)  # where torch has NaN


def test_nll_is_cross_entropy_of_logarithms():
    settings = list(same(weight=[None, WEIGHT], ignore_index=[-100], reduction=REDUCTIONS))
    logarithms = LOGITS - np.log(np.exp(LOGITS).sum(1, keepdims=True))
    agree(losses.nll, F.nll_loss, [logarithms, MASKED], settings)


def test_where_all_is_ignored_the_mean_is_nan():
    x, y = api.input("x", ("n", 4)), api.input("y", ("n",), "int64")
    loss = losses.cross_entropy(x, y, ignore_index=1)
    value, slopes = api.compile([x, y], [loss, api.grad(loss, x)])(np.ones((2, 4), "f4"), np.array([1, 1]))
    assert np.isnan(value)
    assert slopes.shape == (2, 4)


def test_what_is_ignored_is_checked_otherwise():
    x, y = api.input("x", ("n", 4)), api.input("y", ("n",), "int64")
    step = api.compile([x, y], losses.cross_entropy(x, y, ignore_index=9))
    assert np.isfinite(step(np.ones((2, 4), "f4"), np.array([9, 3])))
    with pytest.raises(IndexRangeError, match=r"index 8 at \[1\] is outside 0 .. 3"):
        step(np.ones((2, 4), "f4"), np.array([9, 8]))


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("setting", [{"weight": WEIGHT.astype("f4")}, {"ignore_index": -100}], ids=str)
def test_weighted_or_masked_and_smoothed_it_is_still_one_kernel_over_rows(backend, setting):
    x, y = api.input("x", ("n", 4)), api.input("y", ("n",), "int64")
    loss = losses.cross_entropy(x, y, label_smoothing=0.1, **setting)
    program = api.compile([x, y], [loss, api.grad(loss, x)], backend=backend)
    over_rows = [k for k in program.schedule.kernels if any(n.type.shape == x.shape for n in k.members)]
    assert len(over_rows) == 1


def test_binary_cross_entropy_with_weights():
    x, t = R.standard_normal((5, 4)) * 4, R.uniform(size=(5, 4))
    weights = [None, WEIGHT, R.uniform(size=(5, 1))]
    settings = list(same(weight=weights, pos_weight=[None, WEIGHT], reduction=REDUCTIONS[:2]))
    mine, theirs = losses.binary_cross_entropy_with_logits, F.binary_cross_entropy_with_logits
    agree(mine, theirs, [x, t], settings)
    agree(losses.binary_cross_entropy, F.binary_cross_entropy, [t, SHARES], list(same(weight=weights)))
    huge = np.array([[1000.0, -1000.0, 0.0, 5.0]])
    agree(mine, theirs, [huge, np.array([[0.0, 1.0, 0.5, 1.0]])], list(same(pos_weight=[WEIGHT])))


EDGES = np.array([0.0, 1.0, -1.0, 1000.0, -1000.0, np.inf, -np.inf, np.nan, 5e-324, 0.5])
LEFT, RIGHT = (item.ravel() for item in np.meshgrid(EDGES, EDGES))
SIGNS = np.where(np.arange(LEFT.size) % 2, 1.0, -1.0)
AT_EDGES = {
    "mse": (losses.mse, F.mse_loss, [LEFT, RIGHT], {}),
    "huber": (losses.huber, F.huber_loss, [LEFT, RIGHT], {"delta": 2.0}),
    "smooth_l1": (losses.smooth_l1, F.smooth_l1_loss, [LEFT, RIGHT], {"beta": 0.5}),
    "hinge_embedding": (losses.hinge_embedding, F.hinge_embedding_loss, [LEFT, SIGNS], {"margin": 0.5}),
    "margin_ranking": (losses.margin_ranking, F.margin_ranking_loss, [LEFT, RIGHT, SIGNS], {"margin": 0.5}),
    "poisson_nll": (losses.poisson_nll, F.poisson_nll_loss, [LEFT, RIGHT], {"full": True}),
    "poisson_nll of rates": (losses.poisson_nll, F.poisson_nll_loss, [LEFT, RIGHT], {"log_input": False}),
    "gaussian_nll": (
        losses.gaussian_nll,
        F.gaussian_nll_loss,
        [LEFT, np.full_like(LEFT, 0.5), np.abs(RIGHT)],
        {"full": True, "eps": 0.1},
    ),
}


@pytest.mark.parametrize("name", AT_EDGES)
def test_extremes_are_as_in_torch(name):
    mine, theirs, arrays, settings = AT_EDGES[name]
    agree(mine, theirs, arrays, [({"reduction": "none", **settings},) * 2])


def test_what_is_certain_costs_0_where_torch_has_nan():
    """0 times an infinity: a probability of 0 costs nothing, whatever the logarithm is."""
    x = api.input("x", (3,), "float64")
    each = losses.kl_div(x, np.array([0.0, 0.5, 0.5]), reduction="none")
    large = losses.soft_margin(x, np.ones(3), reduction="none")
    first, second, slope = api.compile(x, [each, large, api.grad(each.sum(), x)])(
        np.array([-np.inf, 0.0, -1000])
    )
    np.testing.assert_allclose(first, [0, 0.5 * np.log(0.5), 0.5 * (np.log(0.5) + 1000)])
    np.testing.assert_allclose(slope, [0, -0.5, -0.5])
    assert second[2] == 1000


LAYERS = [
    (nn.MSELoss, torch.nn.MSELoss, {"reduction": "sum"}, 2),
    (nn.L1Loss, torch.nn.L1Loss, {}, 2),
    (nn.HuberLoss, torch.nn.HuberLoss, {"delta": 0.5}, 2),
    (nn.SmoothL1Loss, torch.nn.SmoothL1Loss, {"beta": 0.5}, 2),
    (nn.CrossEntropyLoss, torch.nn.CrossEntropyLoss, {"label_smoothing": 0.1}, 2),
    (nn.BCEWithLogitsLoss, torch.nn.BCEWithLogitsLoss, {"pos_weight": WEIGHT}, 2),
    (nn.KLDivLoss, torch.nn.KLDivLoss, {"reduction": "batchmean"}, 2),
    (nn.PoissonNLLLoss, torch.nn.PoissonNLLLoss, {"log_input": True, "full": True}, 2),
    (nn.SoftMarginLoss, torch.nn.SoftMarginLoss, {}, 2),
    (nn.HingeEmbeddingLoss, torch.nn.HingeEmbeddingLoss, {"margin": 0.5}, 2),
    (nn.MarginRankingLoss, torch.nn.MarginRankingLoss, {"margin": 0.5}, 3),
    (nn.GaussianNLLLoss, torch.nn.GaussianNLLLoss, {"full": True}, 3),
    (nn.MultiLabelSoftMarginLoss, torch.nn.MultiLabelSoftMarginLoss, {"weight": WEIGHT}, 2),
    (nn.TripletMarginLoss, torch.nn.TripletMarginLoss, {"margin": 0.5, "p": 3, "swap": True}, 3),
]


def test_layers_are_the_losses():
    arrays = [LOGITS, SHARES, R.uniform(0.1, 1, (5, 4))]
    inputs = [api.input(f"x{k}", (5, 4), "float64") for k in range(3)]
    made = [pickle.loads(pickle.dumps(mine(**settings))) for mine, _, settings, _ in LAYERS]  # noqa: S301  # ours
    found = api.compile(inputs, [item(*inputs[: row[3]]) for item, row in zip(made, LAYERS, strict=True)])(
        *arrays
    )
    for value, (_, theirs, settings, count) in zip(found, LAYERS, strict=True):
        settings = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in settings.items()}
        expected = theirs(**settings)(*(torch.tensor(item) for item in arrays[:count]))
        np.testing.assert_allclose(value, expected, rtol=1e-12)
    assert repr(nn.HuberLoss(delta=0.5)) == "HuberLoss(delta=0.5)"
    assert nn.CrossEntropyLoss().parameters() == []
    with pytest.raises(ArgumentError, match="MSELoss takes reduction, each once, not axis=1"):
        nn.MSELoss(axis=1)


X, Y = api.input("x", ("n", 4)), api.input("y", ("n",), "int64")
Z = api.input("z", ("n", 4))
REFUSED = [
    (
        lambda: losses.cross_entropy(X, Y, [1.0, 2.0]),
        ShapeError,
        r"weight has one number a class, \[4\]\n  a con",
    ),
    (
        lambda: losses.cross_entropy(X, Z, ignore_index=2),
        ArgumentError,
        "is of class indices, and the targets",
    ),
    (
        lambda: losses.cross_entropy(X, Y, label_smoothing=1.5),
        ArgumentError,
        r"label_smoothing lies in \[0, 1\]",
    ),
    (lambda: losses.cross_entropy(X, Y, ignore_index=0.5), ArgumentError, "ignore_index is an int"),
    (lambda: losses.nll(X, Z), ShapeError, r"nll: targets are class indices of shape \[n\], not"),
    (lambda: losses.nll(Y, Y), DTypeError, "nll: a prediction is floating, not int64"),
    (lambda: losses.huber(X, Z, delta=0), ArgumentError, "huber: delta is above 0, not 0"),
    (lambda: losses.smooth_l1(X, Z, beta=-1), ArgumentError, "smooth_l1: beta is not negative"),
    (
        lambda: losses.gaussian_nll(X, Z, api.input("v", (4,))),
        ShapeError,
        "var has the shape of the prediction, or one without",
    ),
    (lambda: losses.multi_margin(X, Y, p=3), ArgumentError, "multi_margin has the powers p=1 and p=2, not 3"),
    (lambda: losses.multi_margin(X, Z), ShapeError, "multi_margin: targets are class indices of shape"),
    (lambda: losses.cosine_embedding(X, Z, Z), ShapeError, "cosine_embedding: a target for each row"),
    (
        lambda: losses.binary_cross_entropy(X, Z, [1.0, 2.0]),
        ShapeError,
        "a weight broadcasts to the shape of",
    ),
    (lambda: losses.kl_div(X, Z, reduction="batch"), ArgumentError, "a reduction is 'mean', 'sum' or 'none'"),
]


@pytest.mark.parametrize("position", range(len(REFUSED)))
def test_what_is_refused(position):
    call, error, wording = REFUSED[position]
    with pytest.raises(error, match=wording):
        call()
