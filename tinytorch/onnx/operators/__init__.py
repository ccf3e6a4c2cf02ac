"""One function an operator, one file a family; meanings of older opsets stand beside the newest."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules


@cache
def load_all() -> None:
    """Loads every family, which registers its operators."""
    for found in iter_modules(__path__):
        import_module(f"{__name__}.{found.name}")
