from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from bench.probes.nvml import DeviceMemory
from bench.record import Flag, Memory
from bench.runner import sampling
from bench.runner.sampling import DeviceSampler, sampled

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest


class Script:
    """A device that answers what it is told, and at the end of each part lets the test go on."""

    def __init__(self, *parts: Iterable[int | None]) -> None:
        self.flag: Flag | None = None
        self._last: DeviceMemory | None = None
        self._answers = [(part, value) for part, values in enumerate(parts) for value in values]
        self.reached = [threading.Event() for _ in (*parts, None)]
        self.allowed = [threading.Event() for _ in parts]

    def memory(self) -> DeviceMemory | None:
        if not self._answers:
            self.reached[-1].set()
            return self._last
        part, value = self._answers.pop(0)
        self.reached[part].set()
        assert self.allowed[part].wait(30)
        if value is None:
            self.flag = Flag(code="nvml", message="lost")
            return None
        self._last = DeviceMemory(used_bytes=value, reserved_bytes=7, total_bytes=1000, method="nvml-v2")
        return self._last


def test_the_peak_is_that_of_training_over_the_baseline() -> None:
    script = Script([100, 900], [300, 500, 400], [800])
    script.allowed[0].set()
    with DeviceSampler(script, period_seconds=0.001) as sampler:
        assert script.reached[1].wait(30)
        sampler.enter("train")
        script.allowed[1].set()
        assert script.reached[2].wait(30)
        sampler.enter("evaluate")
        script.allowed[2].set()
        assert script.reached[3].wait(30)

    memory = Memory(**sampler.readings())
    assert memory.nvml_used_peak_bytes == 500
    assert memory.nvml_baseline_bytes == 100
    assert memory.nvml_delta_bytes == memory.peak_bytes == 400
    assert memory.nvml_reserved_bytes == 7
    assert memory.method == "nvml-v2"
    assert memory.nvml_num_samples is not None
    assert memory.nvml_num_samples >= 5
    assert memory.nvml_max_gap_seconds is not None
    assert memory.nvml_max_gap_seconds > 0
    assert sampler.flag is None


def test_a_run_that_never_trained_has_the_peak_of_all_it_did() -> None:
    script = Script([100, 200, 900, 300])
    script.allowed[0].set()
    with DeviceSampler(script, period_seconds=0.001) as sampler:
        sampler.enter("load")
        assert script.reached[1].wait(30)

    assert sampler.readings()["nvml_used_peak_bytes"] == 900


def test_a_device_that_is_lost_keeps_its_peak_and_a_flag() -> None:
    script = Script([100, 200, None])
    script.allowed[0].set()
    with DeviceSampler(script, period_seconds=0.001) as sampler:
        sampler._thread.join(30)

    assert sampler.readings()["nvml_used_peak_bytes"] == 200
    assert sampler.flag == Flag(code="nvml", message="lost")


def test_a_device_that_never_answers_measures_nothing() -> None:
    script = Script([None, None])
    script.allowed[0].set()
    with DeviceSampler(script) as sampler:
        pass

    assert sampler.readings() == {}
    assert sampler.flag is not None


def test_a_call_that_hangs_does_not_hold_up_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "JOIN_SECONDS", 0.05)
    script = Script([100], [200])
    script.allowed[0].set()
    with DeviceSampler(script) as sampler:
        assert script.reached[1].wait(30)

    assert sampler.flag is not None
    assert "hung" in sampler.flag.message
    script.allowed[1].set()


def test_a_cpu_has_no_device_memory() -> None:
    with sampled(None) as sampler:
        assert sampler is None
