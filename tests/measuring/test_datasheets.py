from __future__ import annotations

import re

import pytest

from bench.measuring.datasheets import DATASHEETS, Arithmetic, datasheet_peak


@pytest.mark.parametrize(
    ("name", "arithmetic", "tera"),
    [
        ("Tesla T4", "fp16", 65),
        ("Tesla V100-SXM2-16GB", "fp32", 15.7),
        ("Tesla V100-PCIE-32GB", "fp16", 112),
        ("NVIDIA A10", "bf16", 125),
        ("NVIDIA A10G", "bf16", 70),
        ("NVIDIA A100-SXM4-40GB", "bf16", 312),
        ("NVIDIA A100 80GB PCIe", "tf32", 156),
        ("NVIDIA L4", "fp16", 121),
        ("NVIDIA L40S", "bf16", 362),
        ("NVIDIA H100 80GB HBM3", "bf16", 989),
        ("NVIDIA H100 PCIe", "bf16", 756),
        ("NVIDIA H200", "fp32", 67),
        ("NVIDIA B200", "bf16", 2250),
        ("NVIDIA GeForce RTX 3090", "fp16", 71),
        ("NVIDIA GeForce RTX 4090", "bf16", 165.2),
    ],
)
def test_datasheet(name: str, arithmetic: Arithmetic, tera: float) -> None:
    assert datasheet_peak(name, arithmetic) == tera * 1e12


@pytest.mark.parametrize(
    "name",
    [
        "NVIDIA A100-SXM4-40GB MIG 1g.5gb",
        "NVIDIA A10M",
        "NVIDIA L40",
        "nvidia l40s",
        "NVIDIA H100 NVL",
        "NVIDIA GeForce RTX 3090 Ti",
        "AMD EPYC",
        "",
    ],
)
def test_what_only_resembles_a_known_gpu_has_no_peak(name: str) -> None:
    assert datasheet_peak(name, "fp32") is None


def test_a_gpu_has_no_peak_for_what_it_cannot_do() -> None:
    assert datasheet_peak("Tesla T4", "bf16") is None


@pytest.mark.parametrize("name", DATASHEETS)
def test_a_row_says_of_a_device_what_can_be(name: str) -> None:
    sheet = DATASHEETS[name]
    assert name.endswith(f"-{sheet.sold_gigabytes}gb")
    sold = sheet.sold_gigabytes
    assert 0.85 * sold < sheet.memory_bytes / 1e9 < 1.07 * sold  # sold in GB or GiB, less what the driver keeps
    assert sheet.teraflops["fp32"] <= sheet.teraflops.get("tf32", sheet.teraflops["fp16"]) <= sheet.teraflops["fp16"]
    assert ("bf16" in sheet.teraflops) == ("tf32" in sheet.teraflops)
    assert re.search(r", 20[12]\d$", sheet.source)


def test_no_driver_name_fits_two_rows() -> None:
    names = [
        "NVIDIA A100-SXM4-80GB",
        "NVIDIA A100-PCIE-40GB",
        "NVIDIA A100 80GB PCIe",
        "NVIDIA H100 PCIe",
        "NVIDIA A10",
    ]
    found = [[short for short, sheet in DATASHEETS.items() if re.fullmatch(sheet.driver_name, name)] for name in names]
    assert found == [["a100-80gb"], ["a100-40gb"], ["a100-pcie-80gb"], ["h100-pcie-80gb"], ["a10-24gb"]]
