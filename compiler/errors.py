"""Every exception of the project, typed by who is wrong. Imports nothing of it.

Each user-facing error also derives from the built-in exception that a Python reader expects (`ShapeError`
is a `ValueError`), so code that knows nothing of tinytorch can still catch it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class TinytorchError(Exception):
    """Root of all errors raised on purpose by tinytorch, compiler and passes."""


class UserError(TinytorchError):
    """The program that was written, or the data it was fed, is wrong."""


class ShapeError(UserError, ValueError):
    """Shapes, axes or extents do not fit each other."""


class DTypeError(UserError, TypeError):
    """A dtype is unknown, or an operation is not defined for it."""


class ArgumentError(UserError, ValueError):
    """A call got an argument that is missing, unknown, given twice, or not usable as it is."""


class KeywordError(ArgumentError, TypeError):
    """A function was given a keyword that it has not; the message says what to write instead, if it knows."""


class MissingNameError(UserError, AttributeError):
    """A name was asked for that is not there; the message says what to write instead, if it knows."""


class NumericsError(UserError, FloatingPointError):
    """A result is NaN or infinite, and `found` says which node made it so (see `debug=` of `tt.compile`)."""

    def __init__(self, message: str, found: object = None) -> None:
        super().__init__(message)
        self.found = found


class IndexRangeError(UserError, IndexError):
    """An index (a class label, a gather index) lies outside the axis it selects from.

    `told`, where a node refused an index at run time, is its message for a way to describe nodes: what runs
    nodes does not know what the views of a program call them.
    """

    def __init__(self, message: str, told: Callable[[Callable[[Any], str]], str] | None = None) -> None:
        super().__init__(message)
        self.told = told

    def __reduce__(self) -> tuple[type[IndexRangeError], tuple[str]]:
        return type(self), (str(self),)


class LinearAlgebraError(UserError, ValueError):
    """A matrix has no inverse, or not the factorisation that was asked for; `told` is IndexRangeError's."""

    def __init__(self, message: str, told: Callable[[Callable[[Any], str]], str] | None = None) -> None:
        super().__init__(message)
        self.told = told

    def __reduce__(self) -> tuple[type[LinearAlgebraError], tuple[str]]:
        return type(self), (str(self),)


class NameClashError(UserError, ValueError):
    """Two different things in one program carry the same name."""


class UndeclaredInputError(UserError, ValueError):
    """An output depends on an input that the program was not told about."""


class UnreachableParameterError(UserError, ValueError):
    """A module used a parameter that is no part of it, which would never be trained."""


class MissingUpdateError(UserError, ValueError):
    """A program would compute with a layer in training and not carry its state on."""


class StateError(UserError, ValueError):
    """What is loaded into a network does not fit it. Nothing was written."""


class ModelError(UserError, ValueError):
    """A file is no valid model, or is not what it says. Nothing in it was executed."""


class UnsupportedOperatorError(UserError, NotImplementedError):
    """A model has nodes that are not to be had here, or a graph what a format cannot say; each is named.

    `wanted` names the inputs of a model that have to be known before a call, for some of these nodes.
    """

    def __init__(self, message: str, wanted: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.wanted = wanted


class GradientError(UserError, ValueError):
    """A gradient was asked for that does not exist."""


class ShardingError(UserError, ValueError):
    """A step cannot be computed from parts of a batch: its rows meet in another way than by sums."""


class FormulaError(UserError, ValueError):
    """A scalar formula uses something that is no atom, is too long, or cannot be differentiated."""


class ParseError(UserError, ValueError):
    """A text is not a graph. Nothing in the text was executed."""


class SymbolicValueError(UserError, TypeError):
    """A Python value was wanted of something that has none until a program runs (`bool(tensor)`)."""


class UnboundArrayError(UserError, ValueError):
    """A parameter or constant was read from text by reference, and its array was not given."""


class ExternalError(TinytorchError):
    """Something outside this project is at fault or missing."""


class PluginError(ExternalError):
    """A plugin is malformed, clashes with another, or failed to load; the message names its owner."""


class PassError(ExternalError):
    """A pass raised or returned something that is not what its contract promises; the message names it."""


class BackendError(ExternalError):
    """A backend cannot run on this machine or cannot evaluate what it was given."""


class DrawingError(ExternalError):
    """A drawing was not laid out: it is too large, or a tool is missing. Its `.dot` text was written."""


class ClusterError(ExternalError):
    """Workers or their scheduler are not there, differ from each other, or went away.

    `found` is what was finished before, if anything was.
    """

    def __init__(self, message: str, found: object = None) -> None:
        super().__init__(message)
        self.found = found


class MissingLibraryError(ExternalError, ImportError):
    """A library is not installed that what was asked for needs; the message names the extra that has it."""


class LawError(TinytorchError):
    """A graph, schedule or plan breaks one of its laws: a fault of the compiler or of a plugin's pass."""
