"""The model of a step on many workers: against a simulation, message by message, and on round numbers."""

import json
from typing import Any

import numpy as np
import pytest

from compiler.analysis.cost import Cost
from compiler.ir.dims import symbol
from tinytorch.cluster.advice import measuring
from tinytorch.cluster.advice.advice import Advice
from tinytorch.cluster.advice.measuring import Found, Took, fitted
from tinytorch.cluster.advice.model import Between, Link, Model, Sharing, Work, first, stage_seconds
from tinytorch.cluster.advice.simulation import simulated, simulated_stage

GIGABIT = 1e9 / 8


def model(link: Link, *, shards: int = 1024, size: int = 4_000_000, row: float = 1e-5, **settings) -> Model:
    """A network of a million weights, of which a row takes 10 us."""
    return Model(
        link,
        shards,
        size,
        (size,),
        8.0,
        lambda rows: row * rows,
        lambda rows: row * rows,
        1e-3,
        1e-10,
        **settings,
    )


def test_a_stage_of_equal_workers_is_the_formula_exactly():
    generator = np.random.default_rng(0)
    for _ in range(300):
        n = int(generator.integers(1, 40))
        p, g, c, latency = generator.exponential([1.0, 1.0, 10.0, 0.3])
        found = simulated_stage([p] * n, [c] * n, [g] * n, latency, is_duplex=True)
        assert stage_seconds(n, p, g, c, latency, True) == pytest.approx(found, rel=1e-12)
        found = simulated_stage([p] * n, [c] * n, [g] * n, latency, is_duplex=False)
        assert stage_seconds(n, p, g, c, latency, False) == pytest.approx(found, rel=1e-12)


@pytest.mark.parametrize("gigabits", [1, 25])
@pytest.mark.parametrize("is_duplex", [True, False])
def test_from_2_to_1024_workers_the_model_is_what_a_simulation_finds(gigabits, is_duplex):
    made = model(Link(2e-4, gigabits * GIGABIT, 2e-5, is_duplex))
    for rows in (4096, 65536, 2**20):
        for workers in (2, 3, 5, 8, 24, 64, 100, 256, 1000, 1024):
            assert made.seconds(workers, rows) == pytest.approx(simulated(made, workers, rows), rel=0.1)


def test_the_number_of_workers_that_is_fastest_is_near_the_root_of_work_by_message():
    made = model(Link(0.0, 25 * GIGABIT))
    rows = 2**20
    message = made.link.send(made.sent) + made.add * made.sent
    assert made.best(rows, 1024) == pytest.approx((1e-5 * rows / message) ** 0.5, rel=0.5)
    assert model(Link(0.0, GIGABIT)).best(64, 1024) == 1


def test_the_break_even_is_the_first_batch_that_is_faster():
    made = model(Link(1e-3, GIGABIT), shards=16)
    for workers in (2, 4, 16):
        rows = made.break_even(workers)
        assert rows is not None
        assert made.seconds(workers, rows) < made.alone(rows)
        assert made.seconds(workers, rows - 1) >= made.alone(rows - 1)
    crowded = model(Link(1e-3, GIGABIT), shards=16, crowd=Sharing(2, 2, 1))
    assert crowded.break_even(2) is None
    assert first(lambda rows: rows >= 77, 100) == 77
    assert first(lambda rows: False, 100) is None


def test_stages_meet_once_each():
    link = Link(1.0, 1e9)
    one = model(link, size=8)
    three = Model(link, 1024, 8, (8, 8, 8), 8.0, one.alone, one.shard, one.update, one.add)
    assert three.seconds(4, 4096) - one.seconds(4, 4096) == pytest.approx(2.0, rel=1e-3)


def test_work_is_what_was_measured_and_grows_as_the_cost_does():
    cost = Cost(operations=symbol("batch") * 100 + 1000, bytes_read=symbol("batch") * symbol("seq") * 4)
    work = Work(cost, "batch", {"seq": 8}, (16, 2e-3), (4096, 40e-3))
    assert (work(16), work(4096)) == pytest.approx((2e-3, 40e-3))
    assert work(2056) == pytest.approx(21e-3)
    assert work(8192) == pytest.approx(40e-3 + 38e-3 * 4096 / 4080)


def test_workers_that_share_processors_are_not_faster_together():
    share = Sharing(processors=4, threads=2, present=2)
    assert [share(n) for n in (1, 2, 4, 8)] == [1, 1, 2, 4]
    made = model(Link(1e-4, 1e9), shards=16, crowd=share)
    assert made.computing(8, 4096) == pytest.approx(made.computing(2, 4096))


RECORDED = {
    # rows, link (latency, seconds a byte, a message), bytes sent, committing; ms of a step and of a shard
    "2,410 weights": (
        2048, (2.48e-3, 6.78e-9, 1.52e-3), 9_640, 0.41e-3,
        {
            (1, 16): (3.83, 0.0365), (3, 16): (8.74, 0.1), (1, 2048): (4.45, 0.0704),
            (3, 2048): (9.83, 0.0993), (1, 512): (4.03, 0.0464), (2, 512): (5.9, 0.132),
            (2, 2048): (6.28, 0.178), (3, 512): (8.79, 0.0709), (1, 8192): (7.23, 0.239),
            (2, 8192): (10.0, 0.361), (3, 8192): (11.4, 0.288),
        },
    ),
    "19,210 weights": (
        1024, (2.13e-3, 2.54e-9, 0.51e-3), 76_840, 0.4e-3,
        {
            (1, 16): (4.34, 0.0564), (3, 16): (9.83, 0.31), (1, 1024): (5.49, 0.139),
            (3, 1024): (10.4, 0.441), (1, 256): (4.38, 0.0752), (2, 256): (5.86, 0.115),
            (2, 1024): (6.31, 0.205), (3, 256): (9.38, 0.16), (1, 4096): (9.21, 0.373),
            (2, 4096): (9.76, 0.63), (3, 4096): (16.4, 1.51),
        },
    ),
    "203,530 weights": (
        512, (1.89e-3, 2.54e-9, 0.597e-3), 814_120, 0.67e-3,
        {
            (1, 16): (20.0, 0.63), (3, 16): (51.4, 4.35), (1, 512): (23.2, 0.839), (3, 512): (58.9, 3.8),
            (1, 128): (21.1, 0.675), (2, 128): (29.7, 1.18), (2, 512): (32.3, 2.12), (3, 128): (49.2, 3.39),
            (1, 2048): (39.0, 1.72), (2, 2048): (45.1, 2.65), (3, 2048): (87.5, 7.46),
        },
    ),
}  # fmt: skip
"""The fastest of 40 steps of `measuring.tried`, of two layers, on three processes of two busy processors."""


@pytest.mark.parametrize("name", RECORDED)
def test_steps_that_were_recorded_are_predicted_within_30_percent(name):
    """From steps on one worker and on three, of 16 rows and of more: those on two, and of other batches."""
    rows, (latency, byte, message), size, update, recorded = RECORDED[name]
    took = {case: Took(1e-3 * together, 1e-3 * each, update) for case, (together, each) in recorded.items()}
    work = Work(
        Cost(operations=symbol("batch")), "batch", {}, (1, took[1, 16].each), (rows // 16, took[1, rows].each)
    )
    plain = Model(
        Link(latency, 1 / byte, message, is_duplex=False), 16, size, (size,), 8.0, work, work, update, 5e-11,
        Sharing(2, 1, 3),
    )  # fmt: skip
    made = fitted(plain, 3, took, 16, rows)
    others = [case for case in took if case not in [(n, many) for n in (1, 3) for many in (16, rows)]]
    assert len(others) == 7
    for case in others:
        assert made.seconds(*case) == pytest.approx(took[case].together, rel=0.3), case


def test_what_messages_and_workers_do_to_each_other_is_found_from_steps():
    """Of a model whose messages take longer than echoes, and whose workers share processors."""
    link = Link(2e-3, 350e6, 5e-4, is_duplex=False)
    plain = model(link, shards=16, size=100_000)
    true = model(link, shards=16, size=100_000, crowd=Between(4, 1.0, 1.9), strain=Between(4, 1.3, 2.2))
    cases = [(n, rows) for n in (1, 2, 4) for rows in (16, 1024)]
    took = {
        (n, rows): Took(true.seconds(n, rows), true.shard(rows // 16) * true.crowd(n)) for n, rows in cases
    }
    made = fitted(plain, 4, took, 16, 1024)
    assert (made.strain(1), made.strain(4), made.crowd(4)) == pytest.approx((1.3, 2.2, 1.9), rel=1e-3)
    for n in (1, 2, 3, 4, 8):
        assert made.seconds(n, 4096) == pytest.approx(true.seconds(n, 4096), rel=1e-3)
    assert made.seconds(2, 4096) > 1.2 * plain.seconds(2, 4096)


class Slow:
    """A crew on a clock of its own: an echo takes a latency, a time for each message and for each byte."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(measuring.time, "perf_counter", lambda: self.now)

    def hands(self, count: int) -> list[Any]:
        return [self] * count

    def call(self, name: str, buffer: Any) -> Any:
        assert name == "echo"
        self.now += 2 * (1e-4 + buffer.nbytes / 1e9)
        return buffer

    def wait(self, hand: Any, future: Any, end: float) -> None:
        self.now += 1e-3


def test_a_link_is_measured_by_echoes(monkeypatch):
    crew: Any = Slow(monkeypatch)
    link = measuring.link_of(crew, crew.hands(1), 4_000_000)
    assert link.latency == pytest.approx(1.2e-3)
    assert link.bandwidth == pytest.approx(1e9)


def test_advice_is_data_a_table_and_a_picture(tmp_path):
    link = Link(2e-3, 350e6, is_duplex=False)
    made = model(link, shards=16, size=100_000, crowd=Sharing(2, 1, 2))
    advice = Advice(Found(made, 2, made.alone(4096), made.seconds(2, 4096)), 4096)
    assert json.loads(json.dumps(advice.to_dict()))["workers"] == 2
    assert advice.counts == (1, 2, 4, 8, 16)
    assert advice.best == 2
    text = str(advice)
    assert "a step of 4,096 rows in 16 shards" in text
    assert "2 workers would be fastest" in text
    assert advice.break_even() == made.break_even(2)
    advice.plot(tmp_path / "advice.svg")
    assert "<svg" in (tmp_path / "advice.svg").read_text(encoding="utf-8")
    slow = Advice(Found(made, 2, 1e-3, made.seconds(2, 64)), 64)
    assert slow.best == 0
    assert "one process is fastest" in str(slow)
