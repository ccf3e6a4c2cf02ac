"""What initialisers are to a network: weights, buffers or constants, as the file says, or as their values do.

Who exports a network knows it, and two exporters write it down: ours in the metadata of the model, PyTorch's
in those of the graph, where the signature of the module that it has traced names parameters, buffers and
constants, and each value that was computed beforehand says of what. Names alone say nothing: a weight that
was transposed beforehand is called `val_4`, and so is a mask.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, cast

import numpy as np

from compiler.errors import ModelError
from compiler.ir.op import Role
from tinytorch.onnx.exporting.naming import PARAMETERS

Roles = Mapping[str, Role | None]
"""What a file says of its initialisers, by name; None is a constant. Of others it is silent."""

_SIGNATURE: Final = "pkg.torch.export.ExportedProgram.graph_signature"
"""The signature of an exported module, a line for each input, as `p_w: PARAMETER target='w'`."""

_FOLDED: Final = "pkg.onnxscript.optimizer.folded_from"
"""The names of all values from which an initialiser was computed, as Python prints a list of them."""

_LINE: Final = re.compile(
    r"^\w+: (PARAMETER|BUFFER|CONSTANT_TENSOR) target='([^'\n]*)'(?: persistent=(True|False))?$", re.MULTILINE
)
_KINDS: Final[Mapping[tuple[str, str], Role | None]] = {
    ("PARAMETER", ""): Role.TRAINED,
    ("BUFFER", "True"): Role.STATE,
    ("BUFFER", "False"): Role.TRANSIENT,
}


def roles_of(model: Any) -> Roles:
    """What a model (ModelProto) says of its initialisers. Raises ModelError for our metadata, damaged."""
    said = _text(model, PARAMETERS)
    found = _of_pytorch(model.graph) if said is None else _ours(said)
    return {item.name: found.get(item.name) for item in model.graph.initializer} if found is not None else {}


def role_of_values(array: np.ndarray[Any, Any]) -> Role:
    """What an initialiser is of which a file says nothing: frozen with an infinite element, else trained.

    No step of an optimiser moves an infinite number, and masks have it, or the lowest number of their dtype
    in its place.
    """
    if not np.issubdtype(array.dtype, np.floating) or not array.size:  # NumPy knows no lowest float8
        return Role.TRAINED
    is_mask = array.min() <= np.finfo(array.dtype).min or array.max() == np.inf
    return Role.FROZEN if is_mask else Role.TRAINED


def _text(proto: Any, key: str) -> str | None:
    return next((item.value for item in proto.metadata_props if item.key == key), None)


def _ours(text: str) -> Roles:
    try:
        found: Any = json.loads(text)
        return {str(name): Role(role) for name, role in cast("Mapping[Any, Any]", found).items()}
    except (ValueError, AttributeError, RecursionError) as error:
        raise ModelError(
            f"the metadata {PARAMETERS!r} say by name whether an initialiser is {', '.join(Role)}, in JSON"
        ) from error


def _of_pytorch(graph: Any) -> Roles | None:
    """By the signature, and of what was computed: a weight if a parameter is in it, else a constant."""
    lines = _LINE.findall(_text(graph, _SIGNATURE) or "")
    said = {name: _KINDS.get((kind, kept)) for kind, name, kept in lines}
    if not said:
        return None
    sources = {i.name: re.findall(r"'([^']*)'", _text(i, _FOLDED) or "") for i in graph.value_info}
    computed = {
        name: Role.TRAINED if any(said.get(source) is Role.TRAINED for source in names) else None
        for name, names in sources.items()
    }
    return computed | said
