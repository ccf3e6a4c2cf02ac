"""Models as files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from compiler.errors import ArgumentError
from tinytorch.array_files import replacing
from tinytorch.onnx.exporting.model import to_model
from tinytorch.onnx.reading.library import onnx
from tinytorch.tensor import Tensor

LARGEST: Final = 2**31 - 2**20
"""Bytes of weights; a message of protobuf has less than 2 GB with all that it says."""


def save(
    path: str | os.PathLike[str],
    what: Any = None,
    *,
    inputs: Any = None,
    outputs: Any = None,
    updates: Mapping[Tensor, Tensor] | None = None,
    opset: int | None = None,
    functions: bool = True,
    external_data: bool = False,
    name: str = "",
    doc: str = "",
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Writes a graph as an ONNX file that other tools run; what is exported, and how, says `to_model`.

    `tt.onnx.save("net.onnx", inputs=[x], outputs=[logits])`, or a program, a graph, or a module and its
    inputs. With `external_data` the weights lie beside the file, in `net.onnx.data`; without, a model has at
    most 2 GB. Files take their places when they are written: a reader sees the whole of them, or those
    before. Returns the path. Raises UnsupportedOperatorError with every node that ONNX cannot say, and why.
    """
    model = to_model(
        what,
        inputs=inputs,
        outputs=outputs,
        updates=updates,
        opset=opset,
        functions=functions,
        name=name,
        doc=doc,
        metadata=metadata,
    )
    target = Path(path)
    if external_data:
        _write_apart(model, target)
    else:
        _check_size(model)
        with replacing(target) as file:
            file.write(model.SerializeToString(deterministic=True))
    return target


def _check_size(model: Any) -> None:
    size = sum(len(item.raw_data) for item in model.graph.initializer)
    if size >= LARGEST:
        raise ArgumentError(
            f"the weights have {size} bytes, and a file of this format has less than 2 GB\n"
            "  fix: external_data=True puts them beside it"
        )


def _write_apart(model: Any, target: Path) -> None:
    data = f"{target.name}.data"
    with TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        written = Path(folder) / target.name
        onnx.save_model(
            model, str(written), save_as_external_data=True, all_tensors_to_one_file=True, location=data,
            size_threshold=1024,
        )  # fmt: skip
        beside = Path(folder) / data
        if beside.exists():
            beside.replace(target.parent / data)
        written.replace(target)
