"""PyTorch's own samples of every op that it lists are equal to ours, or refused by a sentence of the list."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator

import pytest

pytest.importorskip("torch")
pytest.importorskip("ml_dtypes")
pytest.importorskip("expecttest")

from tests.tinytorch.op_db.names import ABSENT, FEW, REFUSED, UNLIKE, ours_of
from tests.tinytorch.op_db.trying import COMPUTED, MORE, STORED, Outcome, op_infos, tried

INFOS = {f"{info.name} {info.variant_test_name}".strip(): info for info in op_infos()}
HAD = [title for title, info in INFOS.items() if ours_of(info.name) is not None]
DTYPES = (*COMPUTED, *STORED)


def test_every_name_is_had_or_absent_with_a_reason():
    reasons = [name for names in ABSENT.values() for name in names.split()]
    assert len(reasons) == len(set(reasons))
    listed = {info.name for info in INFOS.values()}
    had = {INFOS[title].name for title in HAD}
    assert listed - had == set(reasons)


def _outcomes(title: str, dtype: str, times: int = 1) -> Iterator[Outcome]:
    import torch

    info = INFOS[title]
    if getattr(torch, dtype) in info.dtypes:
        yield from tried(info, ours_of(info.name), dtype, times, backend="numpy")


@pytest.mark.parametrize("title", HAD)
def test_samples(title):
    name = INFOS[title].name
    allowed = [part for part, names in REFUSED.items() if names == "*" or name in names.split()]
    for dtype in DTYPES:
        for found in _outcomes(title, dtype):
            is_said = not found.refused or any(part in found.refused for part in allowed)
            assert is_said, f"{found.sample} of {dtype} is refused: {found.refused}"
            is_known = not found.wrong or name in UNLIKE
            assert is_known, f"{found.sample} of {dtype}: {found.wrong}"


@pytest.mark.parametrize("title", HAD)
def test_native_samples(title):
    """A few of each op, with gradients, where they are compiled."""
    info = INFOS[title]
    for found in itertools.islice(tried(info, ours_of(info.name), "float64"), FEW):
        assert found.refused or info.name in UNLIKE or not found.wrong, f"{found.sample}: {found.wrong}"


@pytest.mark.parametrize(
    ("name", "part"),
    [(name, part) for part, names in REFUSED.items() for name in names.split() if name != "*"],
)
def test_what_is_refused_is_refused(name, part):
    """A sentence that no sample meets any more is not listed."""
    assert any(part in item.refused for item in _all_of(name)), f"{name} refuses nothing with {part!r}"


def _all_of(name: str) -> Iterator[Outcome]:
    """One of each dtype in turn: what is looked for may be among those of any."""
    titles = [title for title in HAD if INFOS[title].name == name]
    waiting = deque(_outcomes(title, dtype, MORE) for dtype in reversed(DTYPES) for title in titles)
    while waiting:
        outcomes = waiting.popleft()
        for item in itertools.islice(outcomes, 1):
            yield item
            waiting.append(outcomes)


@pytest.mark.parametrize("name", UNLIKE)
def test_what_is_unlike_is_unlike(name):
    assert any(item.wrong for item in _all_of(name))
