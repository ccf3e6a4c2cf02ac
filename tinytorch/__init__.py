"""A graph compiler for small neural networks that a person can see through.

Build a graph of tensors, compile it, call it:

    import numpy as np
    import tinytorch as tt

    x, y = tt.input("x", shape=("batch", 3)), tt.input("y", shape=("batch", 1))
    network = tt.nn.Sequential(tt.nn.Dense(3, 8), tt.nn.GELU(), tt.nn.Dense(8, 1))
    loss = tt.losses.mse(network(x), y)
    optimiser = tt.optim.Adam(network.parameters(), lr=1e-3)
    step = tt.compile([x, y], loss, updates=optimiser.updates(loss))
    step(np.ones((4, 3), np.float32), np.zeros((4, 1), np.float32))  # any batch; parameters have changed

Then ask:

    print(step.source_graph)         # the graph as text, which tt.parse reads
    step.draw("step.svg")            # forward, backward and updates in one picture
    print(step.history)              # what each pass did
    print(step.why(loss))            # fused or not, in place or not, and why
    step.report("step.html")         # everything, as one page for a browser

`help(tt.compile)`, `help(tt.Program)` and `help(tt.mish)` go on from here; every op has a meaning, a
formula, slopes and measured errors. Modules: `tt.nn` layers, `tt.losses`, `tt.optim` optimisers,
`tt.random` random numbers, `tt.testing` checks for ops, passes and backends of your own, `tinytorch.core`
the names of the course. On a command line: `tinytorch`.
"""

from typing import TYPE_CHECKING

from compiler.backends.llvm.backend import get_num_threads, set_num_threads
from compiler.backends.measuring import machine
from compiler.errors import (
    ArgumentError,
    BackendError,
    DrawingError,
    DTypeError,
    FormulaError,
    GradientError,
    IndexRangeError,
    KeywordError,
    LawError,
    MissingNameError,
    NameClashError,
    NumericsError,
    ParseError,
    PassError,
    PluginError,
    ShapeError,
    SymbolicValueError,
    TinytorchError,
    UnboundArrayError,
    UndeclaredInputError,
    UnreachableParameterError,
)
from compiler.ir.dims import Dim
from compiler.ir.graph import Graph
from compiler.ir.scope import scope
from compiler.plugins import Plugin, Registry
from compiler.program import Program
from tinytorch import losses, nn, optim, testing
from tinytorch.ablate import ablate
from tinytorch.api import (
    compile,
    constant,
    default_passes,
    draw,
    explain,
    grad,
    graph_of,
    input,
    parameter,
    parse,
    set_value,
    value_of,
)
from tinytorch.builtin import registry
from tinytorch.compare import Comparison, Variant, compare
from tinytorch.diff import diff
from tinytorch.elementwise import Elementwise, elementwise
from tinytorch.files import load, save
from tinytorch.guards import guard, missing_from
from tinytorch.lint import lint
from tinytorch.notebook.views import install as _install
from tinytorch.ops.activations import (
    celu,
    elu,
    gelu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_swish,
    hardtanh,
    leaky_relu,
    log_sigmoid,
    mish,
    prelu,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softplus,
    softsign,
    swiglu,
    threshold,
)
from tinytorch.ops.contract import (
    einsum,
    map_reduce,
    matmul,
    outer,
)
from tinytorch.ops.elementwise import (
    abs,
    add,
    bitwise_and,
    bitwise_left_shift,
    bitwise_not,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    ceil,
    clamp,
    clip,
    cos,
    divide,
    equal,
    erf,
    erfc,
    exp,
    expm1,
    floor,
    greater,
    greater_equal,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    log,
    log1p,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    maximum,
    minimum,
    multiply,
    negative,
    not_equal,
    pow,
    reciprocal,
    round,
    rsqrt,
    sign,
    sin,
    sqrt,
    square,
    stop_gradient,
    subtract,
    tanh,
    where,
    zmul,
)
from tinytorch.ops.functions import (
    exp2,
    isclose,
    lerp,
    logaddexp,
    nan_to_num,
    tan,
    trunc,
    xlogy,
)
from tinytorch.ops.layout import (
    arange,
    broadcast_to,
    concatenate,
    diagonal,
    flatten,
    flip,
    one_hot,
    pad,
    reshape,
    split,
    squeeze,
    stack,
    swapaxes,
    take,
    take_along_axis,
    transpose,
    tril,
    triu,
    unsqueeze,
)
from tinytorch.ops.normalise import (
    layer_norm,
    log_softmax,
    logsumexp,
    softmax,
    softmin,
)
from tinytorch.ops.prefix import cummax, cummin, cumprod, cumsum
from tinytorch.ops.reduce import (
    all,
    any,
    argmax,
    argmin,
    max,
    mean,
    min,
    norm,
    std,
    sum,
    var,
)
from tinytorch.ops.windows import fold, sliding_window, unfold
from tinytorch.optim import clip_grad_norm
from tinytorch.plots import plot_activations
from tinytorch.tensor import Tensor

__all__ = [
    "ArgumentError",
    "BackendError",
    "Comparison",
    "DTypeError",
    "Dim",
    "DrawingError",
    "Elementwise",
    "FormulaError",
    "GradientError",
    "Graph",
    "IndexRangeError",
    "KeywordError",
    "LawError",
    "MissingNameError",
    "NameClashError",
    "NumericsError",
    "ParseError",
    "PassError",
    "Plugin",
    "PluginError",
    "Program",
    "Registry",
    "ShapeError",
    "SymbolicValueError",
    "Tensor",
    "TinytorchError",
    "UnboundArrayError",
    "UndeclaredInputError",
    "UnreachableParameterError",
    "Variant",
    "ablate",
    "abs",
    "add",
    "all",
    "any",
    "arange",
    "argmax",
    "argmin",
    "bitwise_and",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "broadcast_to",
    "ceil",
    "celu",
    "clamp",
    "clip",
    "clip_grad_norm",
    "compare",
    "compile",
    "concatenate",
    "constant",
    "cos",
    "cummax",
    "cummin",
    "cumprod",
    "cumsum",
    "data",
    "default_passes",
    "diagonal",
    "diff",
    "divide",
    "draw",
    "einsum",
    "elementwise",
    "elu",
    "equal",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "explain",
    "expm1",
    "flatten",
    "flip",
    "floor",
    "fold",
    "gelu",
    "get_num_threads",
    "glu",
    "grad",
    "graph_of",
    "greater",
    "greater_equal",
    "hard_shrink",
    "hard_sigmoid",
    "hard_swish",
    "hardtanh",
    "input",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "layer_norm",
    "leaky_relu",
    "lerp",
    "less",
    "less_equal",
    "lint",
    "load",
    "log",
    "log1p",
    "log_sigmoid",
    "log_softmax",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logsumexp",
    "losses",
    "machine",
    "map_reduce",
    "matmul",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mish",
    "multiply",
    "nan_to_num",
    "negative",
    "nn",
    "norm",
    "not_equal",
    "one_hot",
    "optim",
    "outer",
    "pad",
    "parameter",
    "parse",
    "plot_activations",
    "pow",
    "prelu",
    "random",
    "reciprocal",
    "registry",
    "relu",
    "relu6",
    "reshape",
    "round",
    "rsqrt",
    "save",
    "scope",
    "selu",
    "set_num_threads",
    "set_value",
    "sigmoid",
    "sign",
    "silu",
    "sin",
    "sliding_window",
    "soft_shrink",
    "softmax",
    "softmin",
    "softplus",
    "softsign",
    "split",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "stop_gradient",
    "subtract",
    "sum",
    "swapaxes",
    "swiglu",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "testing",
    "threshold",
    "transpose",
    "tril",
    "triu",
    "trunc",
    "unfold",
    "unsqueeze",
    "value_of",
    "var",
    "where",
    "xlogy",
    "zmul",
]

guard(__name__)
_install()


def __dir__() -> list[str]:
    """What is public, and nothing else: what `dir` and completion show."""
    return sorted(__all__)


globals().pop("tensor")  # the module would stand in the place of what is asked for as in PyTorch

if TYPE_CHECKING:
    from tinytorch import data, random
else:
    __getattr__ = missing_from(__name__, "data", "random")
