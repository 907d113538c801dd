"""What makers say of their devices: memory, its bandwidth, and the rates of arithmetic that they never exceed.

Nothing here imports torch. Rates are dense, without the factor 2 of sparsity, and accumulated in fp32 as torch does it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DATASHEETS", "Arithmetic", "Datasheet", "datasheet_peak"]

Arithmetic = Literal["fp32", "tf32", "bf16", "fp16"]
"""What matmuls are computed in; tf32 is what a GPU makes of fp32 where torch allows it."""


@dataclass(frozen=True, slots=True)
class Datasheet:
    """One device."""

    sold_gigabytes: int
    """Of memory, by its name."""
    driver_name: str
    """A pattern of what driver and torch call it. It must match as a whole: a slice of a GPU (MIG) is not the GPU."""
    memory_gib: float
    """What the driver lets programs use: the least that torch's out-of-memory messages in public reports tell of."""
    gigabytes_per_second: float
    """Of its memory."""
    teraflops: Mapping[Arithmetic, float]
    """Without bf16 where its hardware has none."""
    source: str

    @property
    def memory_bytes(self) -> int:
        """What the driver lets programs use."""
        return round(self.memory_gib * 2**30)


def _rates(fp32: float, half: float, tf32: float | None = None) -> Mapping[Arithmetic, float]:
    """Rates of a GPU whose bf16, which came with tf32, is as fast as its fp16."""
    rates: dict[Arithmetic, float] = {"fp32": fp32, "fp16": half}
    return rates if tf32 is None else {**rates, "bf16": half, "tf32": tf32}


_A100, _H100 = _rates(19.5, 312, 156), _rates(67, 989, 494)
_V100_SXM, _V100_PCIE = _rates(15.7, 125), _rates(14, 112)
_V100_SOURCE = "NVIDIA V100 datasheet, 2020"
_A100_SOURCE = "NVIDIA A100 datasheet, 2021"
_H100_SOURCE = "NVIDIA H100 datasheet, 2023"

DATASHEETS: Mapping[str, Datasheet] = MappingProxyType(
    {
        "t4-16gb": Datasheet(16, r"(NVIDIA |Tesla )?T4", 14.56, 300, _rates(8.1, 65), "NVIDIA T4 datasheet, 2019"),
        "v100-16gb": Datasheet(16, r"(NVIDIA |Tesla )?V100-SXM[23]-16GB", 15.77, 900, _V100_SXM, _V100_SOURCE),
        "v100-32gb": Datasheet(32, r"(NVIDIA |Tesla )?V100-SXM[23]-32GB", 31.73, 900, _V100_SXM, _V100_SOURCE),
        "v100-pcie-16gb": Datasheet(16, r"(NVIDIA |Tesla )?V100-PCIE-16GB", 15.77, 900, _V100_PCIE, _V100_SOURCE),
        "v100-pcie-32gb": Datasheet(32, r"(NVIDIA |Tesla )?V100-PCIE-32GB", 31.73, 900, _V100_PCIE, _V100_SOURCE),
        "a10-24gb": Datasheet(24, r"(NVIDIA )?A10", 22.05, 600, _rates(31.2, 125, 62.5), "NVIDIA A10 datasheet, 2021"),
        "a10g-24gb": Datasheet(24, r"(NVIDIA )?A10G", 22.05, 600, _rates(35, 70, 35), "NVIDIA A10G datasheet, 2022"),
        "a100-40gb": Datasheet(40, r"(NVIDIA )?A100-(SXM4|PCIE)-40GB", 39.38, 1555, _A100, _A100_SOURCE),
        "a100-80gb": Datasheet(80, r"(NVIDIA )?A100-SXM4-80GB", 79.14, 2039, _A100, _A100_SOURCE),
        "a100-pcie-80gb": Datasheet(80, r"(NVIDIA )?A100(-PCIE-80GB| 80GB PCIe)", 79.14, 1935, _A100, _A100_SOURCE),
        "l4-24gb": Datasheet(24, r"(NVIDIA )?L4", 22.03, 300, _rates(30.3, 121, 60), "NVIDIA L4 datasheet, 2023"),
        "l40s-48gb": Datasheet(
            48, r"(NVIDIA )?L40S", 44.34, 864, _rates(91.6, 362, 183), "NVIDIA L40S datasheet, 2023"
        ),
        "h100-80gb": Datasheet(80, r"(NVIDIA )?H100 80GB HBM3", 79.1, 3350, _H100, _H100_SOURCE),
        "h100-pcie-80gb": Datasheet(80, r"(NVIDIA )?H100 PCIe", 79.1, 2000, _rates(51, 756, 378), _H100_SOURCE),
        "h200-141gb": Datasheet(141, r"(NVIDIA )?H200", 139.72, 4800, _H100, "NVIDIA H200 datasheet, 2024"),
        "b200-180gb": Datasheet(
            180, r"(NVIDIA )?B200", 178.35, 7700, _rates(75, 2250, 1100), "NVIDIA Blackwell technical brief, 2024"
        ),
        "rtx-3090-24gb": Datasheet(
            24, r"(NVIDIA )?(GeForce )?RTX 3090", 23.56, 936, _rates(35.6, 71, 35.6), "NVIDIA GA102 whitepaper, 2020"
        ),
        "rtx-4090-24gb": Datasheet(
            24, r"(NVIDIA )?(GeForce )?RTX 4090", 23.52, 1008, _rates(82.6, 165.2, 82.6), "NVIDIA Ada whitepaper, 2022"
        ),
    }
)
"""By short name: the SXM variants where that does not say PCIe."""


def datasheet_peak(device_name: str, arithmetic: Arithmetic) -> float | None:
    """Return the maker's peak in FLOP/s of a GPU by its driver's name for it; None for any other device."""
    found = (one for one in DATASHEETS.values() if re.fullmatch(one.driver_name, device_name))
    sheet = next(found, None)
    tera = None if sheet is None else sheet.teraflops.get(arithmetic)
    return None if tera is None else tera * 1e12
