from __future__ import annotations

import os
import platform
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest.mock import create_autospec

import torch

from bench.experiment.spec import RunSpec, Term
from bench.measuring import environment
from bench.measuring.environment import fingerprint

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.measuring.conftest import FakeNvml

SPEC = RunSpec(strategy=(Term(name="full"),))


def test_a_cpu_run_names_its_processor_versions_and_assets() -> None:
    found = fingerprint(torch.device("cpu"), {"model": "abc"}, SPEC)

    assert found.device_name == found.host_cpu != ""
    assert found.num_cores == len(os.sched_getaffinity(0))
    assert found.num_threads == torch.get_num_threads()
    assert found.host_memory_bytes > 2**28
    assert found.python == platform.python_version()
    assert found.versions["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert found.assets == {"model": "abc"}
    assert (found.device_memory_bytes, found.driver) == (None, None)


def test_how_torch_computes_is_part_of_it() -> None:
    settings = fingerprint(torch.device("cpu"), {}, SPEC).settings

    assert settings is not None
    assert settings["threads"] == str(torch.get_num_threads())
    assert settings["precision of fp32 products"] == "highest"
    assert settings["instructions"] == torch.backends.cpu.get_cpu_capability()


def test_all_that_was_asked_is_in_the_hash() -> None:
    def hash_of(spec: RunSpec) -> str | None:
        return fingerprint(torch.device("cpu"), {}, spec).config_hash

    assert hash_of(SPEC) == hash_of(SPEC.model_copy())
    assert hash_of(SPEC) != hash_of(SPEC.model_copy(update={"seed": 1}))


def test_a_gpu_run_names_the_gpu_and_its_driver(fake_nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = SimpleNamespace(name="Fake GPU", total_memory=fake_nvml.total_bytes, major=9, minor=0)
    properties = create_autospec(torch.cuda.get_device_properties, return_value=gpu)
    monkeypatch.setattr(torch.cuda, "get_device_properties", properties)

    found = fingerprint(torch.device("cuda"), {}, SPEC)

    assert (found.device_name, found.device_memory_bytes) == ("Fake GPU", fake_nvml.total_bytes)
    assert found.driver == "600.1"
    assert found.settings is not None
    assert "TF32 in cuDNN" in found.settings
    assert found.host_cpu != found.device_name


def test_a_package_that_is_missing_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_DISTRIBUTIONS", ("torch", "no-such-distribution"))

    assert set(fingerprint(torch.device("cpu"), {}, SPEC).versions) == {"torch"}


def test_the_processors_name_is_the_kernels_or_else_the_platforms(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor : 0\nmodel name\t: Fast CPU @ 3 GHz\n")
    assert environment._cpu_name(cpuinfo) == "Fast CPU @ 3 GHz"

    cpuinfo.write_text("processor : 0\n")
    assert environment._cpu_name(cpuinfo) == (platform.processor() or platform.machine())
    assert environment._cpu_name(tmp_path / "absent") == (platform.processor() or platform.machine())
