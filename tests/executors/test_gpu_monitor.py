from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, cast

import pytest

from bench.executors import gpu_monitor
from bench.executors.gpu_monitor import DeviceSampler, sampled
from bench.measuring.nvml import DeviceMemory, DeviceProcess, DeviceState
from bench.records.readings import PhasePeak
from bench.records.record import Flag, Memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.measuring.nvml import NvmlDevice


class Device:
    """A device whose memory and processes the test sets; it tells how often it was read."""

    def __init__(self) -> None:
        self.flags: tuple[Flag, ...] = ()
        self.used: int | None = 100
        self.pids: tuple[int, ...] = ()
        self.held, self.hold = threading.Event(), threading.Event()
        self.hold.set()
        self.num_reads = self.num_states = self.num_looks = 0

    def memory(self) -> DeviceMemory | None:
        if not self.hold.is_set():
            self.held.set()
        assert self.hold.wait(30)
        self.num_reads += 1
        if self.used is None:
            return None
        return DeviceMemory(used_bytes=self.used, reserved_bytes=7, method="nvml-v2")

    def state(self) -> DeviceState:
        self.num_states += 1
        return DeviceState(power_watts=50)

    def energy_joules(self) -> float:
        return time.monotonic() * 50

    def processes(self) -> tuple[DeviceProcess, ...]:
        found = tuple(DeviceProcess(pid, 10 * pid) for pid in self.pids)
        self.num_looks += 1
        return found


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    """A device, which is read as fast as a test wants to go on."""
    monkeypatch.setattr(gpu_monitor, "MEMORY_SECONDS", 0.001)
    monkeypatch.setattr(gpu_monitor, "STATE_SECONDS", 0.002)
    return Device()


def more(count: Callable[[], int]) -> None:
    """Wait until the sampler has read twice more: what was set before is then seen for sure."""
    wanted, until = count() + 2, time.monotonic() + 30
    while count() < wanted and time.monotonic() < until:
        time.sleep(0.001)
    assert count() >= wanted


def sampler_of(device: Device) -> DeviceSampler:
    return DeviceSampler(lambda: cast("NvmlDevice", device))


def train_until_seen(sampler: DeviceSampler, device: Device) -> None:
    """Enter training, and return once the processes on the device were looked at in it."""
    looks = device.num_looks
    sampler.enter("train", time.monotonic())
    while device.num_looks == looks:
        time.sleep(0.001)


def test_the_peak_is_that_of_training_over_the_baseline(device: Device) -> None:
    with sampler_of(device) as sampler:
        for phase, used in (("load", 900), ("train", 500), ("evaluate", 800), ("train", 400), ("evaluate", 700)):
            sampler.enter(phase, time.monotonic())
            device.used = used
            more(lambda: device.num_reads)
            device.used = 300
            more(lambda: device.num_reads)

    memory = Memory(**sampler.readings())
    assert memory.nvml_used_peak_bytes == 500
    assert memory.nvml_baseline_bytes == 100
    assert memory.nvml_delta_bytes == memory.training_bytes == 400
    assert (memory.nvml_reserved_bytes, memory.method) == (7, "nvml-v2")
    assert memory.nvml_num_samples == device.num_reads - 1
    assert memory.nvml_max_gap_seconds is not None
    assert memory.nvml_max_gap_seconds > 0
    phases = sampler.with_device((PhasePeak(phase="load"), PhasePeak(phase="evaluate", host_peak_bytes=1)))
    assert [(it.host_peak_bytes, it.nvml_used_peak_bytes) for it in phases] == [(None, 900), (1, 800)]
    assert sampler.flags == ()


def test_a_run_that_never_trained_has_the_peak_of_all_it_did(device: Device) -> None:
    with sampler_of(device) as sampler:
        sampler.enter("load", time.monotonic())
        device.used = 900
        more(lambda: device.num_reads)

    assert sampler.readings()["nvml_used_peak_bytes"] == 900


def test_power_is_sampled_by_a_slower_channel(device: Device) -> None:
    with sampler_of(device) as sampler:
        sampler.enter("train", time.monotonic())
        more(lambda: device.num_states)

    activity = sampler.activity()
    assert activity is not None
    assert activity.power_watts == 50
    assert activity.energy_joules is None  # it was too short


def test_the_runs_own_process_is_no_foreign_one(device: Device) -> None:
    device.pids = (8,)
    with sampler_of(device) as sampler:
        sampler.watch(4)
        device.pids = (4, 8, 9)
        train_until_seen(sampler, device)
        device.pids = ()

    activity = sampler.activity()
    assert activity is not None
    assert (activity.num_foreign_before, activity.num_foreign_during, activity.num_foreign_after) == (1, 2, 0)
    assert sampler.readings()["nvml_process_bytes"] == 40


def test_in_a_container_one_unknown_number_is_the_runs_own(device: Device) -> None:
    with sampler_of(device) as sampler:
        sampler.watch(4)
        device.pids = (90_001,)
        train_until_seen(sampler, device)
        device.pids = ()

    activity = sampler.activity()
    assert activity is not None
    assert (activity.num_foreign_before, activity.num_foreign_during, activity.num_foreign_after) == (0, 0, 0)
    assert sampler.readings()["nvml_process_bytes"] is None


def test_a_device_that_is_lost_keeps_its_peak_and_a_flag(device: Device) -> None:
    lost = Flag(code="gpu-lost", message="lost")
    with sampler_of(device) as sampler:
        device.used = 200
        more(lambda: device.num_reads)
        device.used, device.flags = None, (lost,)
        sampler._threads[0].join(30)

    assert sampler.readings()["nvml_used_peak_bytes"] == 200
    assert sampler.flags == (lost,)


def test_a_device_that_never_answers_measures_nothing(device: Device) -> None:
    device.used = None
    with sampler_of(device) as sampler:
        pass

    assert sampler.readings() == {}
    assert sampler.activity() is None


def test_a_call_that_hangs_does_not_hold_up_the_run(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_monitor, "JOIN_SECONDS", 0.05)
    with sampler_of(device) as sampler:
        more(lambda: device.num_reads)
        device.hold.clear()
        assert device.held.wait(30)

    assert [flag.code for flag in sampler.flags] == ["nvml-hung"]
    assert sampler.readings()["nvml_used_peak_bytes"] == 100
    device.hold.set()


def test_a_driver_that_hangs_from_the_start_does_not_hold_up_the_run(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_monitor, "JOIN_SECONDS", 0.05)
    monkeypatch.setattr(gpu_monitor, "DRIVER_TIMEOUT_SECONDS", 0.05)
    device.hold.clear()
    with sampler_of(device) as sampler:
        sampler.enter("train", time.monotonic())

    assert [flag.code for flag in sampler.flags] == ["nvml-hung"]
    assert (sampler.readings(), sampler.activity()) == ({}, None)
    device.hold.set()


def test_a_cpu_has_no_device_memory() -> None:
    with sampled(None) as sampler:
        assert sampler is None
