"""States of a model that was exported here: inputs with a default, whose next values are outputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from compiler.errors import ModelError
from tinytorch.onnx.exporting.naming import STATES


def states_of(model: Any) -> dict[str, str]:
    """For each state of a model (ModelProto) the output that is its next value; empty for most models.

    Raises ModelError where the metadata say it of what is no initialiser, or no output.
    """
    texts = [item.value for item in model.metadata_props if item.key == STATES]
    if not texts:
        return {}
    try:
        found: Any = json.loads(texts[0])
    except (ValueError, RecursionError):
        found = None
    states = cast("Mapping[Any, Any]", found) if isinstance(found, dict) else {None: None}
    starts = {item.name for item in model.graph.initializer}
    ends = {item.name for item in model.graph.output}
    for state, following in states.items():
        if state not in starts or following not in ends:
            raise ModelError(
                f"the metadata {STATES!r} say that {following!r} is the next value of {state!r}: "
                "they are not an output and an initialiser"
            )
    return dict(states)
