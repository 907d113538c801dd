"""The GPUs beside what pytest-benchmark records of the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bench.gate.judging.benchmark_files import MACHINE_KEY
from bench.pytest_plugin import pytest_benchmark_update_machine_info

if TYPE_CHECKING:
    from tests.measuring.conftest import FakeNvml


def _info() -> dict[str, Any]:
    info: dict[str, Any] = {"system": "Linux"}
    pytest_benchmark_update_machine_info(info)
    return info


def test_gpus_and_driver_are_recorded(fake_nvml: FakeNvml) -> None:
    recorded = _info()[MACHINE_KEY]
    assert len(recorded["gpus"]) == len(fake_nvml.uuids)
    assert recorded["driver"]


@pytest.mark.usefixtures("fake_nvml")
def test_a_machine_without_gpus_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.measuring.nvml._list_gpus", list)
    assert _info() == {"system": "Linux"}


def test_a_machine_without_a_driver_stays_as_it_is(fake_nvml: FakeNvml) -> None:
    fake_nvml.set(init=9)
    assert _info() == {"system": "Linux"}
