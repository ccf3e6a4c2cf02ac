"""tinytorch: a graph compiler for small neural networks that a person can see through."""

from compiler.errors import (
    ArgumentError,
    BackendError,
    DrawingError,
    DTypeError,
    FormulaError,
    GradientError,
    IndexRangeError,
    LawError,
    NameClashError,
    ParseError,
    PassError,
    PluginError,
    ShapeError,
    SymbolicValueError,
    TinytorchError,
    UnboundArrayError,
    UndeclaredInputError,
)
