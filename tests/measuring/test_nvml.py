from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from unittest.mock import create_autospec

import pynvml  # type: ignore[import-untyped]
import pytest

from bench.errors import Unsupported
from bench.measuring import nvml
from bench.measuring.nvml import DeviceMemory, DeviceProcess, DeviceState, Gpu, NvmlDevice

if TYPE_CHECKING:
    from tests.measuring.conftest import FakeNvml

NOT_SUPPORTED, DRIVER_NOT_LOADED, VERSION_MISMATCH = 3, 9, 18
MIB = 2**20


def test_memory_is_that_of_the_second_version_without_what_the_driver_reserves(fake_nvml: FakeNvml) -> None:
    device = NvmlDevice(fake_nvml.uuids[1])
    fake_nvml.use(300 * MIB)

    assert device.memory() == DeviceMemory(300 * MIB, fake_nvml.reserved_bytes, "nvml-v2")
    assert device.flags == ()


def test_a_driver_without_the_second_version_is_read_by_the_first(old_nvml: FakeNvml) -> None:
    old_nvml.use(300 * MIB)

    memory = NvmlDevice(old_nvml.uuids[0]).memory()

    assert memory == DeviceMemory(300 * MIB + old_nvml.reserved_bytes, None, "nvml-v1")


def test_a_gpu_that_is_lost_in_between_gives_none_and_a_flag_from_then_on(fake_nvml: FakeNvml) -> None:
    fake_nvml.set(lost_after=2)
    device = NvmlDevice(fake_nvml.uuids[0])

    assert device.memory() is not None
    assert device.memory() is None
    assert [flag.code for flag in device.flags] == ["gpu-lost"]
    fake_nvml.set(lost_after=99)
    assert device.memory() is None
    assert device.state() == DeviceState()


def test_an_unknown_uuid_is_a_flag(fake_nvml: FakeNvml) -> None:
    device = NvmlDevice(fake_nvml.uuids[0].replace("a", "c"))

    assert device.memory() is None
    assert [flag.code for flag in device.flags] == ["nvml-unavailable"]
    assert "NotFound" in device.flags[0].message


def test_memory_shared_with_the_host_is_a_flag(fake_nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch) -> None:
    error = pynvml.NVMLError(NOT_SUPPORTED)
    monkeypatch.setattr(
        pynvml, "nvmlDeviceGetMemoryInfo", create_autospec(pynvml.nvmlDeviceGetMemoryInfo, side_effect=error)
    )

    device = NvmlDevice(fake_nvml.uuids[0])

    assert device.memory() is None
    assert [flag.code for flag in device.flags] == ["nvml-error"]
    assert "memory (NotSupported)" in device.flags[0].message
    assert device.state().power_watts == 250
    assert [gpu.uuid for gpu in nvml.list_gpus()] == [*fake_nvml.uuids]


def test_power_clock_and_the_like_are_read(fake_nvml: FakeNvml) -> None:
    fake_nvml.set(reasons=4)
    fake_nvml.run_processes((41, 3 * MIB), (42, -1))
    device = NvmlDevice(fake_nvml.uuids[0])

    assert device.state() == DeviceState(
        power_watts=250, sm_clock_mhz=1980, temperature_celsius=61, utilisation=0.75, event_reasons=4
    )
    before = device.energy_joules()
    assert before is not None
    assert device.energy_joules() >= before  # type: ignore[operator]
    assert device.processes() == (DeviceProcess(41, 3 * MIB), DeviceProcess(42, None))
    assert device.flags == ()


def test_an_old_driver_answers_by_the_old_names(old_nvml: FakeNvml) -> None:
    old_nvml.set(reasons=8)
    old_nvml.run_processes((41, MIB))
    device = NvmlDevice(old_nvml.uuids[0])

    assert device.state().event_reasons == 8
    assert device.processes() == (DeviceProcess(41, MIB),)


def test_what_is_not_supported_is_none_and_said_once(fake_nvml: FakeNvml) -> None:
    device = NvmlDevice(fake_nvml.uuids[0])
    fake_nvml.set(refuse=NOT_SUPPORTED)

    for _ in range(2):
        assert device.memory() is None
        assert device.state() == DeviceState()
        assert device.energy_joules() is None
        assert device.processes() is None

    (flag,) = device.flags
    assert flag.code == "nvml-error"
    assert flag.message.count("NotSupported") == len(
        ["memory", "power", "utilisation", "clocks", "temperature", "event reasons", "energy", "processes"]
    )


def test_a_slice_of_a_gpu_has_memory_of_its_own_and_nothing_else(fake_nvml: FakeNvml) -> None:
    uuid = "MIG-00000000-0000-0000-0000-00000000000a"
    fake_nvml.use(7 * MIB)
    device = NvmlDevice(uuid)

    memory = device.memory()
    assert memory is not None
    assert memory.used_bytes == 7 * MIB
    assert device.state() == DeviceState()
    assert device.energy_joules() is None
    assert [flag.code for flag in device.flags] == ["mig-slice"]


def test_a_driver_that_hangs_is_given_up(fake_nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvml, "DRIVER_TIMEOUT_SECONDS", 0.05)
    fake_nvml.set(hang_init=1)

    assert nvml.driver_version() is None
    with pytest.raises(Unsupported, match="TimeoutError"):
        nvml.list_gpus()


def test_gpus_are_listed_by_uuid(fake_nvml: FakeNvml) -> None:
    assert nvml.list_gpus() == [Gpu(uuid=uuid, name=f"Fake GPU {index}") for index, uuid in enumerate(fake_nvml.uuids)]
    assert nvml.driver_version() == "600.1"


def test_a_lost_gpu_is_out_of_the_list_and_the_others_stay_in(fake_nvml: FakeNvml) -> None:
    fake_nvml.set(lost=0)

    assert [gpu.uuid for gpu in nvml.list_gpus()] == [fake_nvml.uuids[1]]


@pytest.mark.parametrize(
    ("code", "name"), [(DRIVER_NOT_LOADED, "DriverNotLoaded"), (VERSION_MISMATCH, "LibRmVersionMismatch")]
)
def test_a_broken_driver_is_said_by_name(fake_nvml: FakeNvml, code: int, name: str) -> None:
    fake_nvml.set(init=code)

    with pytest.raises(Unsupported, match=name):
        nvml.list_gpus()
    assert nvml.driver_version() is None
    (flag,) = NvmlDevice(fake_nvml.uuids[0]).flags
    assert flag.code == "nvml-unavailable"
    assert name in flag.message


@pytest.mark.parametrize(
    "error", [pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND), pynvml.NVMLLibraryMismatchError("old driver")]
)
def test_neither_kind_of_nvml_error_escapes(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(pynvml, "nvmlInit", create_autospec(pynvml.nvmlInit, side_effect=error))

    device = NvmlDevice("GPU-x")

    assert (device.memory(), device.state(), device.energy_joules(), device.processes()) == (
        None,
        DeviceState(),
        None,
        None,
    )
    assert [flag.code for flag in device.flags] == ["nvml-unavailable"]
    assert nvml.driver_version() is None
    with pytest.raises(Unsupported):
        nvml.list_gpus()


def test_the_loader_finds_the_library_as_on_a_real_machine(fake_nvml: FakeNvml) -> None:
    fake_nvml.use(7 * MIB)
    script = f"""
import dataclasses, json
from bench.measuring.nvml import NvmlDevice, list_gpus
memory = NvmlDevice({fake_nvml.uuids[0]!r}).memory()
print(json.dumps([len(list_gpus()), dataclasses.asdict(memory)]))
"""
    environ = os.environ | {"LD_LIBRARY_PATH": str(fake_nvml.library.parent)}

    found: Any = json.loads(subprocess.check_output([sys.executable, "-c", script], env=environ))

    assert found[0] == len(fake_nvml.uuids)
    assert found[1]["used_bytes"] == 7 * MIB
