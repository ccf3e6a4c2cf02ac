"""The library `distributed`, which is an extra, and what it brings: `dask` and `cloudpickle`."""

from __future__ import annotations

from typing import Any

from compiler.errors import MissingLibraryError


def _found() -> tuple[Any, Any, Any]:
    try:
        import cloudpickle
        import dask
        import distributed
    except ImportError as error:
        raise MissingLibraryError(
            "several processes or machines need the library distributed, Dask's scheduler\n"
            "  fix: pip install 'tinytorch-compiler[cluster]'"
        ) from error
    return distributed, dask, cloudpickle


_modules = _found()
distributed: Any = _modules[0]
"""Clients and local clusters. The three libraries have no types that a checker could know."""
dask: Any = _modules[1]
cloudpickle: Any = _modules[2]


def optuna() -> Any:
    """The library that searches adaptively, which no extra brings. Raises MissingLibraryError."""
    try:
        import optuna
    except ImportError as error:
        raise MissingLibraryError(
            "adaptive search needs the library optuna\n  fix: pip install optuna"
        ) from error
    return optuna


def temporary_security() -> Any:
    """TLS with a certificate that is made now and that nobody else has. Raises MissingLibraryError."""
    try:
        return distributed.Security.temporary()
    except ImportError as error:
        raise MissingLibraryError(
            "a fresh certificate needs the library cryptography\n"
            "  fix: pip install 'tinytorch-compiler[cluster]'"
        ) from error
