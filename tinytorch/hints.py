"""What to write for a name or a keyword that PyTorch, NumPy or the course have and tinytorch has not.

One table of each. Loaded only for an error; nothing here makes anything work.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from compiler.errors import KeywordError

_DTYPE: Final = "dtypes are strings, as in tt.input('x', (3,), dtype='float32')"
_MADE: Final = "tt.constant(array) for a fixed value, tt.input(name, shape) for a call's, tt.parameter(array)"
_STEP: Final = (
    "tt.compile(inputs, loss, updates=tt.optim.SGD(parameters).updates(loss)); each call is then one step"
)
_ANOTHER: Final = "the name without _, which gives another tensor: x = x.scatter(axis, indices, values)"
_UNKNOWN_COUNT: Final = (
    "how many there are is known in a call alone; give a mask: tt.where(mask, x, 0), tt.count_nonzero(mask)"
)
_NO_VALUE: Final = "tt.compile(inputs, x) makes a program, and calling it gives NumPy arrays"
_UNCHANGED: Final = "leave it out: tensors never change"
_ONE_PLACE: Final = "leave it out: programs run on the CPU"
_NO_MODE: Final = "leave it out: net.train() and net.eval() set it, and layers read it when they are called"

_PLACES: Final = (
    "tt.argsort(mask, descending=True)[:count], the first places where it holds: a shape does not depend on "
    "values; often tt.where(mask, x, 0) is enough"
)
_DISTINCT: Final = (
    "tt.bincount(x, minlength=count) of integers below a count; tt.sort(x).diff() != 0 marks where others "
    "begin: a shape does not depend on values"
)

NAMES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "tinytorch": (
        ("cat concat row_stack", "tt.concatenate(tensors, axis=0)"),
        ("tensor_split hsplit vsplit dsplit", "tt.array_split(x, sections, axis)"),
        ("broadcast_tensors", "tt.broadcast_arrays(x, y)"),
        ("fliplr flipud", "tt.flip(x, axis=1), tt.flip(x, axis=0)"),
        ("select narrow", "x[:, 2], x[:, 2:5]"),
        ("trapz", "tt.trapezoid(y, x)"),
        ("addmm addmv baddbmm", "c + a @ b, which is one kernel"),
        ("addcmul addcdiv", "x + value * y * z, x + value * y / z"),
        ("float_power", "x.astype('float64') ** y"),
        ("sgn", "tt.sign(x)"),
        ("aminmax", "tt.min(x, axis), tt.max(x, axis)"),
        ("dist pairwise_distance", "tt.norm(x - y, axis)"),
        ("pdist", "tt.cdist(x, x)"),
        ("tensor as_tensor asarray array from_numpy scalar_tensor", _MADE),
        ("rand rand_like", "tt.random.uniform(key, shape)"),
        ("randn randn_like", "tt.random.normal(key, shape)"),
        ("randint randint_like", "tt.random.randint(key, shape, minval, maxval)"),
        ("bernoulli multinomial", "tt.random.bernoulli(key, p), tt.random.categorical(key, logits)"),
        ("Generator", "key = tt.random.key(0), the first argument of every draw"),
        ("empty", "tt.zeros(shape)"),
        ("float16 float32 float64 float double half bfloat16", _DTYPE),
        ("int8 int16 int32 int64 int long uint8 bool", _DTYPE),
        ("view", "tt.reshape(x, shape)"),
        ("movedim", "tt.moveaxis(x, source, destination)"),
        ("ravel", "tt.flatten(x)"),
        ("expand_as", "tt.expand(x, y.shape)"),
        ("repeat_interleave", "tt.repeat(x, count, axis)"),
        ("unbind", "tt.unstack(x, axis)"),
        ("expand_dims", "tt.unsqueeze(x, axis)"),
        ("mm bmm mv linear", "a @ b, or tt.einsum('ij,jk->ik', a, b)"),
        ("add_ sub_ mul_ div_", _UNCHANGED),
        ("mul", "tt.multiply(a, b)"),
        ("sub", "tt.subtract(a, b)"),
        ("div true_divide", "tt.divide(a, b)"),
        ("neg", "tt.negative(x)"),
        ("power", "tt.pow(base, exponent)"),
        ("absolute", "tt.abs(x)"),
        ("nanmax", "tt.max(x, axis)"),
        ("nanmin", "tt.min(x, axis)"),
        ("gt", "tt.greater(a, b), or a > b"),
        ("lt", "tt.less(a, b), or a < b"),
        ("ge", "tt.greater_equal(a, b), or a >= b"),
        ("le", "tt.less_equal(a, b), or a <= b"),
        ("eq", "tt.equal(a, b), or a == b"),
        ("ne", "tt.not_equal(a, b), or a != b"),
        ("take_along_dim", "tt.take_along_axis(x, indices, axis)"),
        ("sliding_window_view as_strided", "tt.sliding_window(x, size, axis)"),
        ("cumulative_sum", "tt.cumsum(x, axis)"),
        ("msort", "tt.sort(x, axis=0)"),
        ("partition argpartition", "tt.topk(x, k, axis, largest=False), or tt.kthvalue(x, k, axis)"),
        ("nanpercentile percentile", "tt.quantile(x, percent / 100, axis), or tt.nanquantile"),
        ("histc", "tt.histogram(x, bins, range=(min, max))[0]"),
        ("ediff1d", "x.diff()"),
        ("nonzero argwhere flatnonzero", _PLACES),
        ("unique unique_consecutive", _DISTINCT),
        ("cumulative_prod", "tt.cumprod(x, axis)"),
        ("compress extract", "x[mask] of a mask that is an array; tt.where(mask, x, 0) for another"),
        ("put index_put_ place putmask", "x.at[indices].set(values)"),
        ("index_reduce scatter_multiply", "x.at[indices].multiply(values), .max(values), .min(values)"),
        ("diagflat", "tt.diag(x.flatten(), k)"),
        ("hard_tanh", "tt.hardtanh(x)"),
        ("hardshrink", "tt.hard_shrink(x)"),
        ("softshrink", "tt.soft_shrink(x)"),
        ("tanhshrink", "tt.tanh_shrink(x)"),
        ("fix", "tt.trunc(x)"),
        ("inverse", "tt.linalg.inv(a)"),
        ("triangular_solve", "tt.linalg.solve_triangular(a, b, upper=True)"),
        ("gammaln", "tt.lgamma(x)"),
        ("psi", "tt.digamma(x)"),
        ("ndtri", "math.sqrt(2) * tt.erfinv(2 * x - 1)"),
        ("arcsin", "tt.asin(x)"),
        ("arccos", "tt.acos(x)"),
        ("arctan", "tt.atan(x)"),
        ("arctan2", "tt.atan2(y, x)"),
        ("arcsinh", "tt.asinh(x)"),
        ("arccosh", "tt.acosh(x)"),
        ("arctanh", "tt.atanh(x)"),
        ("hardsigmoid", "tt.hard_sigmoid(x)"),
        ("hardswish", "tt.hard_swish(x)"),
        ("logsigmoid", "tt.log_sigmoid(x)"),
        ("swish", "tt.silu(x)"),
        ("detach no_grad inference_mode", "tt.stop_gradient(x); only tt.grad differentiates"),
        ("autograd backward value_and_grad jacobian hessian", "tt.grad(loss, parameters)"),
        ("jit script function vmap", "tt.compile(inputs, outputs)"),
        ("manual_seed seed", "tt.nn.Sequential(..., seed=0), or the seed of a layer"),
        ("cuda device set_default_device mps", _ONE_PLACE),
        ("convolution", "tt.conv2d(x, weight), or conv1d, conv3d, conv_transpose2d"),
        ("upsample_nearest upsample_bilinear", "tt.interpolate(x, scale_factor=2, mode='bilinear')"),
        (
            "max_unpool1d max_unpool2d max_unpool3d",
            "tt.scatter by what max_pool2d(x, 2, return_indices=True) gives",
        ),
        ("channel_shuffle", "x.reshape([n, groups, c // groups, h, w]).swapaxes(1, 2).reshape(x.shape)"),
        ("functional F", "functions stand in tt itself, as in tt.relu(x), and losses in tt.losses"),
        ("Linear", "tt.nn.Linear(inputs, outputs)"),
        ("dropout alpha_dropout", "tt.nn.Dropout(p)(x); a mask is tt.random.bernoulli(key, 1 - p, x.shape)"),
        ("batch_norm instance_norm", "tt.nn.BatchNorm1d(channels)(x), tt.nn.InstanceNorm1d(channels)(x)"),
        ("mse_loss", "tt.losses.mse(prediction, target)"),
        ("nll_loss", "tt.losses.nll(log_probabilities, target)"),
        ("l1_loss", "tt.losses.l1(prediction, target)"),
        ("smooth_l1_loss", "tt.losses.smooth_l1(prediction, target)"),
        ("huber_loss", "tt.losses.huber(prediction, target)"),
        ("Parameter Variable", "tt.parameter(array); the course's is tinytorch.core.autograd.Variable"),
        ("utils", "tt.DataLoader(arrays, batch_size), tt.clip_grad_norm(gradients, max_norm)"),
        ("datasets", "NumPy arrays; tt.data.load_digits() gives some"),
        ("EarlyStopping ModelCheckpoint Callback", "tt.callbacks.EarlyStopping, tt.callbacks.Checkpoint"),
    ),
    "tinytorch.nn": (
        ("MultiHeadAttention", "tt.nn.MultiheadAttention(embed_dim, num_heads)"),
        ("Transformer", "tt.nn.TransformerEncoder(layer, num_layers) and tt.nn.TransformerDecoder"),
        ("LazyLinear", "tt.nn.Linear(inputs, outputs)"),
        ("LazyConv1d LazyConv2d LazyConv3d", "tt.nn.Conv2d(in_channels, out_channels, kernel_size)"),
        ("UpsamplingNearest2d UpsamplingBilinear2d", "tt.nn.Upsample(scale_factor=2, mode='bilinear')"),
        (
            "MaxUnpool1d MaxUnpool2d MaxUnpool3d",
            "tt.scatter by what max_pool2d(x, 2, return_indices=True) gives",
        ),
        ("FractionalMaxPool2d FractionalMaxPool3d", "tt.nn.AdaptiveMaxPool2d(output_size)"),
        ("ChannelShuffle", "x.reshape([n, groups, c // groups, h, w]).swapaxes(1, 2).reshape(x.shape)"),
        ("functional", "functions stand in tt itself, as in tt.relu(x), and losses in tt.losses"),
        ("Parameter", "tt.parameter(array)"),
        ("ParameterList ParameterDict", "a list or a dict in a tt.nn.Module"),
        ("FeatureAlphaDropout", "tt.nn.Dropout1d(p), or tt.nn.AlphaDropout(p)"),
        ("SyncBatchNorm LazyBatchNorm1d LazyBatchNorm2d", "tt.nn.BatchNorm1d(channels), BatchNorm2d"),
        ("LocalResponseNorm", "tt.nn.GroupNorm(groups, channels)"),
        ("Buffer", "module.register_buffer(name, array)"),
        ("MeanSquaredError", "tt.nn.MSELoss()"),
        ("CTCLoss AdaptiveLogSoftmaxWithLoss", "tt.losses.nll(log_probabilities, target) of each step"),
        ("Swish", "tt.nn.SiLU()"),
        ("init", "tt.nn.initialisers; a layer takes one, or its name, as initialiser="),
        ("utils", "tt.clip_grad_norm(gradients, max_norm)"),
    ),
    "tinytorch.random": (
        ("PRNGKey seed manual_seed default_rng Generator", "tt.random.key(seed)"),
        ("rand random", "tt.random.uniform(key, shape)"),
        ("randn standard_normal", "tt.random.normal(key, shape)"),
        ("integers", "tt.random.randint(key, shape, minval, maxval)"),
        ("multinomial", "tt.random.categorical(key, logits)"),
    ),
    "tinytorch.linalg": (
        ("svd svdvals pinv matrix_rank cond eig eigvals", "numpy.linalg of what a program returns"),
        ("multi_dot", "a @ b @ c"),
        ("solve_ex inv_ex cholesky_ex", "tt.linalg.solve(a, b), tt.linalg.inv(a), tt.linalg.cholesky(a)"),
    ),
    "tinytorch.losses": (
        ("mse_loss mean_squared_error MeanSquaredError", "tt.losses.mse(prediction, target)"),
        ("nll_loss", "tt.losses.nll(log_probabilities, target)"),
        ("bce BinaryCrossEntropyLoss", "tt.losses.binary_cross_entropy(probability, target)"),
        ("l1_loss mae", "tt.losses.l1(prediction, target)"),
        ("smooth_l1_loss", "tt.losses.smooth_l1(prediction, target)"),
        ("huber_loss", "tt.losses.huber(prediction, target)"),
        ("kl_div_loss", "tt.losses.kl_div(prediction, target)"),
        ("poisson_nll_loss", "tt.losses.poisson_nll(prediction, target)"),
        ("gaussian_nll_loss", "tt.losses.gaussian_nll(prediction, target, var)"),
        ("hinge_embedding_loss", "tt.losses.hinge_embedding(prediction, target)"),
        ("margin_ranking_loss", "tt.losses.margin_ranking(first, second, target)"),
        ("cosine_embedding_loss", "tt.losses.cosine_embedding(first, second, target)"),
        ("triplet_margin_loss", "tt.losses.triplet_margin(anchor, positive, negative)"),
        ("multi_margin_loss", "tt.losses.multi_margin(prediction, target)"),
        ("multilabel_margin_loss", "tt.losses.multilabel_margin(prediction, target)"),
        ("multilabel_soft_margin_loss", "tt.losses.multilabel_soft_margin(prediction, target)"),
        ("soft_margin_loss", "tt.losses.soft_margin(prediction, target)"),
    ),
    "tinytorch.optim": (
        ("Optimizer", "tt.optim.Optimiser"),
        ("sgd", "tt.optim.SGD(parameters, lr=0.1)"),
        ("adam", "tt.optim.Adam(parameters)"),
        ("lr_scheduler LRScheduler StepLR", "tt.optim.SGD(parameters, lr=0.1 * tt.optim.schedules.step(30))"),
        ("swa_utils AveragedModel ExponentialMovingAverage", "tt.optim.Average(parameters, decay=0.999)"),
        ("ReduceLROnPlateau", "tt.optim.Plateau(lr)"),
        ("clip_grad_norm_", "tt.optim.clip_grad_norm(gradients, max_norm)"),
        ("clip_grad_value_", "tt.optim.clip_grad_value(gradients, clip_value)"),
        ("RMSProp", "tt.optim.RMSprop(parameters)"),
    ),
    "tinytorch.data": (
        ("TensorDataset Dataset Subset", "tt.DataLoader((x, y), 32): arrays, or a sequence of examples"),
        ("random_split", "images[order[:1000]] of a permutation of np.random.default_rng(0)"),
    ),
    "tinytorch.callbacks": (
        ("ModelCheckpoint", "tt.callbacks.Checkpoint(path)"),
        ("ReduceLROnPlateau", "tt.callbacks.ReduceOnPlateau('lr', 'val_loss')"),
        ("LambdaCallback", "a function of the state, which is called at the end of every epoch"),
        ("LearningRateMonitor CSVLogger", "state.log(name, number) in a callback: a column of the history"),
        ("TerminateOnNaN", "leave it out: tt.fit raises NumericsError after a step whose loss is NaN"),
        ("LearningRateScheduler", "inputs={'lr': lambda state: 0.1 * 0.95**state.epoch}"),
    ),
    "Tensor": (
        ("view view_as resize", "x.reshape(shape)"),
        ("permute movedim", "x.transpose(axes)"),
        ("t", "x.T"),
        ("mT mH H adjoint", "x.swapaxes(-1, -2)"),
        ("ravel", "x.flatten()"),
        ("expand expand_as", "x.broadcast_to(shape)"),
        ("repeat tile", "tt.tile(x, counts), or tt.repeat(x, count, axis) for elements in a row"),
        ("numel nelement", "x.size"),
        ("dim rank", "x.ndim"),
        ("backward grad grad_fn retain_grad zero_grad", f"tt.grad(loss, x), or {_STEP}"),
        ("detach", "tt.stop_gradient(x)"),
        ("numpy item tolist data value eval cpu", _NO_VALUE),
        ("to type_as float double half int long bool", "x.astype('float32')"),
        ("clone copy contiguous copy_ fill_", _UNCHANGED),
        ("cuda device pin_memory", _ONE_PLACE),
        ("clamp", "tt.clip(x, min, max)"),
        ("mm bmm mv dot", "x @ y"),
        ("add sub mul div", "x + y, x - y, x * y, x / y"),
        ("pow power", "x ** y"),
        ("neg", "-x"),
        ("eq ne lt le gt ge", "x == y, x != y, x < y, x <= y, x > y, x >= y"),
        ("amax", "x.max(axis)"),
        ("amin", "x.min(axis)"),
        ("logical_and logical_or logical_not logical_xor", "x & y, x | y, ~x, x ^ y"),
        ("take_along_dim", "tt.take_along_axis(x, indices, axis)"),
        ("nonzero argwhere unique", _UNKNOWN_COUNT),
        ("put index_put index_put_ itemset", "x.at[indices].set(values)"),
        ("put_ scatter_ scatter_add_ scatter_reduce_ index_add_ index_copy_ index_fill_", _ANOTHER),
        ("as_strided", "tt.sliding_window(x, size, axis)"),
        ("masked_fill masked_fill_", "tt.where(mask, value, x)"),
        ("chunk", "tt.split(x, sections, axis)"),
        ("cat concat", "tt.concatenate(tensors, axis=0)"),
    ),
    "core.Tensor": (
        ("view", "x.reshape(shape)"),
        ("backward zero_grad detach", "tinytorch.core.autograd.Variable(x) has gradients"),
    ),
    "Optimiser": (
        ("step minimize zero_grad", _STEP),
        ("param_groups add_param_group", "optimiser.groups; all are given to tt.optim.SGD(groups)"),
        ("state_dict load_state_dict", "tt.value_of(p), tt.set_value(p, array) of each in optimiser.state"),
    ),
    "Module": (
        ("to cuda cpu double", _ONE_PLACE),
        ("zero_grad backward", _STEP),
        ("children named_children add_module register_module", "module.modules(), module.named_modules()"),
        ("register_parameter", "module.weight = tt.parameter(array)"),
    ),
}  # fmt: skip
"""For each place the names that others have, and what to write instead."""

_ROOMS: Final = {
    "tinytorch": "tt",
    "tinytorch.nn": "tt.nn",
    "tinytorch.losses": "tt.losses",
    "tinytorch.optim": "tt.optim",
    "tinytorch.linalg": "tt.linalg",
}

KEYWORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "color": ("colour",),
    "kind": ("stable",),
    "method": ("interpolation",),
    "sorted_sequence": ("row",),
    "boundaries": ("bins",),
    "bins": ("boundaries",),
    "v": ("values",),
    "dim": ("axis",),
    "dimension": ("axis",),
    "window_shape": ("size",),
    "stride": ("step",),
    "dims": ("axis", "axes"),
    "axes": ("axis",),
    "dim0": ("first",),
    "dim1": ("second", "axis1"),
    "dim2": ("axis2",),
    "axis0": ("first",),
    "axis1": ("second",),
    "keepdim": ("keepdims",),
    "keep_dims": ("keepdims",),
    "start_dim": ("start",),
    "end_dim": ("end",),
    "ddof": ("correction",),
    "learning_rate": ("lr",),
    "params": ("parameters",),
    "in_features": ("inputs",),
    "out_features": ("outputs",),
    "input_size": ("inputs",),
    "output_size": ("outputs",),
    "use_bias": ("bias",),
    "normalized_shape": ("shape",),
    "elementwise_affine": ("affine",),
    "newshape": ("shape",),
    "size": ("shape",),
    "equation": ("subscripts",),
    "arrays": ("tensors",),
    "index": ("indices",),
    "src": ("values",),
    "source": ("values",),
    "segments": ("segment_ids",),
    "diagonal": ("k",),
    "indices_or_sections": ("sections",),
    "split_size_or_sections": ("sections",),
    "pad_width": ("widths",),
    "a_min": ("min",),
    "a_max": ("max",),
    "other": ("right",),
    "input": ("x", "logits", "prediction", "probability", "log_probabilities", "left"),
    "input1": ("first",),
    "input2": ("second",),
    "a": ("x",),
    "inputs": ("wrt",),
    "outputs": ("loss",),
    "grad_outputs": ("seed",),
    "update": ("updates",),
    "generator": ("seed",),
    "validation_data": ("validation",),
    "restore_best_weights": ("restore_best",),
    "filepath": ("path",),
    "dirpath": ("path",),
    "initial_epoch": ("resume",),
    "verbose": ("progress",),
    "optimizer": ("target",),
}
"""For keywords of others ours, of which a function has at most one."""

OPERANDS: Final[Mapping[tuple[str, int], str]] = {("where", 1): f"tt.where(mask, x, y); {_UNKNOWN_COUNT}"}
"""For an op and a number of operands that it does not take what to write instead."""

SAID: Final[Mapping[str, str]] = {
    "inplace": "leave it out: a program writes in place wherever nobody reads the operand afterwards",
    "out": "leave it out here: a program takes it, as in program(x, out=array)",
    "device": _ONE_PLACE,
    "requires_grad": "p.requires_grad = False afterwards; tt.input is given, and tt.grad asks for any tensor",
    "unbiased": "correction=1 if it is true, correction=0 if not",
    "training": _NO_MODE,
    "create_graph": "leave it out: gradients are tensors, which can be differentiated again",
    "retain_graph": "leave it out: graphs stay",
    "where": "leave it out, and give tt.where(mask, x, 0)",
    "size_average": "reduction='mean' or 'sum'",
    "weight": "multiply what reduction='none' gives by the weights",
    "num_workers": "leave it out: batches are made where they are asked for",
    "pin_memory": _ONE_PLACE,
}
"""What to do about keywords that have no name of ours."""


def name_fix(place: str, name: str) -> str:
    """The line that says what to write for a name that a room, or an object of some place, has not."""
    fix = _listed(place, name) or _elsewhere(place, name)
    return f"\n  fix: {fix}" if fix else ""


def _listed(place: str, name: str) -> str | None:
    rows = NAMES.get(place, ())
    return next((fix for names, fix in rows if name in names.split()), None)


def _elsewhere(place: str, name: str) -> str | None:
    """The name in another room of the package, if one has it."""
    for room, shown in _ROOMS.items():
        if room != place and name in importlib.import_module(room).__all__:
            return f"{shown}.{name}(x)" if place.endswith("Tensor") else f"{shown}.{name}"
    if place == "Tensor" and name.endswith("_"):
        return _UNCHANGED
    return None


def unknown_keyword(function: Callable[..., Any], named: Mapping[str, Any]) -> KeywordError | None:
    """The error for the first keyword that a function has not; None if it has them all."""
    parameters = inspect.signature(function).parameters
    kinds = {name: item.kind for name, item in parameters.items() if name != "self"}
    if inspect.Parameter.VAR_KEYWORD in kinds.values():
        return None
    known = [name for name, kind in kinds.items() if kind is not inspect.Parameter.VAR_POSITIONAL]
    unknown = next((name for name in named if name not in known), None)
    if unknown is None:
        return None
    title = function.__qualname__.removesuffix(".__init__").rpartition(".")[2].lstrip("_")
    is_positional = unknown in kinds
    fix = "\n  fix: give it by position" if is_positional else keyword_fix(unknown, named[unknown], known)
    shown = ", ".join(known) or "none"
    return KeywordError(f"{title} has no parameter {unknown!r}; its parameters are: {shown}{fix}")


def keyword_fix(name: str, value: Any, known: list[str]) -> str:
    """The line that says what to write for a keyword, where anything is known of it."""
    ours = [item for item in KEYWORDS.get(name, ()) if item in known]
    if not ours and name not in SAID:
        ours = get_close_matches(name, known, 1) or [item for item in known if name in item]
    if not ours:
        return f"\n  fix: {SAID[name]}" if name in SAID else ""
    text = repr(value)
    return f"\n  fix: {ours[0]}={text if len(text) < 40 else '...'}"
