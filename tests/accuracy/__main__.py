"""`python -m tests.accuracy`: measures every activation and writes the table."""

from __future__ import annotations

import argparse
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from compiler.backends.accuracy import PLACE
from compiler.backends.llvm.jit import engine
from tests.accuracy.table import text


def main() -> int:
    """Runs the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.accuracy", description=__doc__)
    parser.add_argument("--to", type=Path, default=PLACE, help="the file to write")
    options = parser.parse_args()
    options.to.write_text(text(_versions()), encoding="utf-8")
    return 0


def _versions() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "llvmlite", "torch"))
    features = engine.host_target().features
    known = [name for name in ("fma", "avx2", "avx512f", "neon") if f"+{name}" in features.split(",")]
    vectors = ", ".join(known) or "no vector extension"
    return f"Measured with {packages}\non {platform.machine()} with {vectors}."


if __name__ == "__main__":
    sys.exit(main())
