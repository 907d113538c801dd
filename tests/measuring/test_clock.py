from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import torch

from bench.measuring.clock import CudaClock, open_clock

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The time, as the test sets it."""
    times = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: times[-1])
    return times


def test_only_what_lies_between_start_and_stop_is_billed(now: list[float]) -> None:
    clock = open_clock(torch.device("cpu"))
    clock.start()
    now.append(102.0)
    clock.lap("step")
    now.append(105.0)
    clock.lap("step")
    clock.stop()
    now.append(150.0)
    assert clock.seconds == 5.0
    clock.stop()
    clock.start()
    now.append(151.0)
    clock.start()
    clock.lap("step")
    assert clock.seconds == 6.0
    clock.stop()
    assert clock.laps() == (2.0, 3.0, 1.0)


def test_parts_of_one_name_add_up_and_make_the_whole_step(now: list[float]) -> None:
    clock = open_clock(torch.device("cpu"))
    clock.start()
    for moment, part in ((101.0, "forward"), (103.0, "backward"), (104.0, "forward"), (107.0, "backward")):
        now.append(moment)
        clock.split(part)
    now.append(108.0)
    clock.lap("optimizer")
    clock.stop()
    now.append(200.0)
    clock.start()
    now.append(202.0)
    clock.lap("optimizer")
    clock.stop()
    assert clock.parts() == ({"forward": 2.0, "backward": 5.0, "optimizer": 1.0}, {"optimizer": 2.0})
    assert clock.laps() == (8.0, 2.0)


class Event:
    """A CUDA event on a stream whose work lags behind the host."""

    def __init__(self, *, enable_timing: bool) -> None:
        assert enable_timing
        self.at = float("nan")

    def record(self) -> None:
        self.at = time.perf_counter()

    def elapsed_time(self, after: Event) -> float:
        return 1000 * (after.at - self.at)


def test_a_gpu_is_settled_only_at_the_edges(now: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    settled: list[float] = []
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _device: settled.append(now[-1]))
    clock = open_clock(torch.device("cuda"))
    assert isinstance(clock, CudaClock)
    clock.start()
    for moment in (101.0, 103.0):
        now.append(moment - 0.5)
        clock.split("forward")
        now.append(moment)
        clock.lap("backward")
    clock.stop()
    now.append(110.0)
    clock.start()
    now.append(111.0)
    clock.lap("backward")
    clock.stop()
    assert settled == [100.0, 103.0, 110.0, 111.0]
    assert clock.laps() == (1.0, 2.0, 1.0)
    assert clock.parts() == ({"forward": 0.5, "backward": 0.5}, {"forward": 1.5, "backward": 0.5}, {"backward": 1.0})
    assert clock.seconds == 4.0
