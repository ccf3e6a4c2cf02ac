"""Models from elsewhere: networks in `.onnx` files, opened, seen, differentiated, trained and compiled.

    model = tt.onnx.load("mnist.onnx")       # a tt.nn.Module
    predict = model.compile()                # a tt.Program; predict(image)

Needs the library `onnx` (extra `onnx`). Nothing in a file is executed.
"""

from typing import TYPE_CHECKING

from tinytorch.guards import guard, missing_from
from tinytorch.onnx.importing.model import Model, load

__all__ = ["Model", "backend", "load", "save", "supported_operators", "to_model"]

if TYPE_CHECKING:
    from tinytorch.onnx import backend
    from tinytorch.onnx.exporting.model import to_model
    from tinytorch.onnx.exporting.saving import save
    from tinytorch.onnx.listing import supported_operators
else:
    __getattr__ = missing_from(
        __name__,
        "backend",
        save="exporting.saving",
        supported_operators="listing",
        to_model="exporting.model",
    )

guard(__name__)


def __dir__() -> list[str]:
    """What is public, and nothing else."""
    return sorted(__all__)
