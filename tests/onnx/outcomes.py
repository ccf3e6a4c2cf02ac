"""One test, run: what came of it, and why."""

from __future__ import annotations

import os
import re
import tempfile
import unittest
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

import tinytorch as tt
from tests.onnx.gradients import gradient_verdict
from tests.onnx.suites import Case, tests_of
from tests.onnx.systems import LAST, OnnxRuntime, ours

SYSTEMS = ("ours", "onnxruntime")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a test on a system: passed, failed, unsupported, error, or crashed."""

    result: str
    reason: str = ""
    gradient: str = ""
    """Ours alone, of a test that passed: agrees, differs, kink, refused, none; or not asked."""
    gradient_reason: str = ""

    def as_data(self) -> dict[str, str]:
        """As JSON has it, without what is empty."""
        return {name: value for name, value in asdict(self).items() if value}


class Bench:
    """The systems, ready to run tests in this process."""

    def __init__(self, systems: tuple[str, ...], options: Mapping[str, Any], gradients: bool) -> None:
        backends = {"ours": lambda: ours(options), "onnxruntime": lambda: OnnxRuntime}
        self.systems = systems
        self._tests = {name: tests_of(backends[name]()) for name in systems}
        self._gradients = gradients

    def has(self, kind: str, name: str) -> bool:
        """Whether there is such a test."""
        return all((kind, name) in tests for tests in self._tests.values())

    def run(self, case: Case) -> dict[str, Outcome]:
        """A test on every system."""
        with tempfile.TemporaryDirectory() as folder:
            os.environ["ONNX_MODELS"] = folder  # where the runner writes the data of large networks
            return {
                name: self._outcome(name, tests[case.kind, case.name]) for name, tests in self._tests.items()
            }

    def _outcome(self, system: str, test: Callable[[], None]) -> Outcome:
        found = _tried(test, _UNSUPPORTED[system])
        if system != "ours" or found.result != "passed" or not self._gradients:
            return found
        if LAST.inputs is None or not any(map(_has_floats, LAST.inputs)):
            return Outcome("passed", gradient="none", gradient_reason="no input of floats")
        try:
            verdict = gradient_verdict(LAST.model, LAST.inputs)
        except Exception as error:  # noqa: BLE001  # a test may fail in every way
            return Outcome("passed", "", "error", _first_line(error))
        return Outcome("passed", "", verdict.result, verdict.reason)


def _tried(test: Callable[[], None], unsupported: Callable[[Exception], bool]) -> Outcome:
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            test()
    except unittest.SkipTest as error:
        return Outcome("unsupported", str(error))
    except AssertionError as error:
        return Outcome("failed", _mismatch(error))
    except Exception as error:  # noqa: BLE001  # a test may fail in every way
        if unsupported(error):
            return Outcome("unsupported", _why(error))
        return Outcome("error", f"{type(error).__name__}: {_first_line(error)}")
    return Outcome("passed")


def _is_refused(error: Exception) -> bool:
    name, text = type(error).__name__, str(error)
    return name == "NotImplemented" or "not a registered" in text or "is under development" in text


_UNSUPPORTED: Mapping[str, Callable[[Exception], bool]] = {
    "ours": lambda error: isinstance(error, tt.UnsupportedOperatorError),
    "onnxruntime": _is_refused,
}


def _why(error: Exception) -> str:
    """The first of the nodes that are not supported, without its name."""
    lines = [line.strip() for line in str(error).splitlines()]
    first = lines[1] if len(lines) > 1 else lines[0]
    return re.sub(r"^\S+ (\(\S+\):)", r"\1", first)[:200]


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__


def _mismatch(error: AssertionError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    wanted = (
        "mismatch",
        "incorrect shape",
        "max absolute",
        "items are not equal",
        "dtype",
        "location",
        "actual:",
        "desired:",
    )
    return "; ".join(item for item in lines if item.lower().startswith(wanted) or "incorrect" in item)[
        :200
    ] or _first_line(error)


def _has_floats(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_floats, value))
    return value is not None and np.asarray(value).dtype.name in ("float16", "bfloat16", "float32", "float64")
