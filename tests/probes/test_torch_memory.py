from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import create_autospec

import torch

from bench.probes import torch_memory

if TYPE_CHECKING:
    import pytest


def test_a_cpu_has_no_allocator_to_ask() -> None:
    device = torch.device("cpu")

    torch_memory.reset_peak(device)

    assert torch_memory.peak_bytes(device) == (None, None)


def test_the_peaks_of_a_gpu_are_live_tensors_and_held_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    device = torch.device("cuda:0")
    reset = create_autospec(torch.cuda.reset_peak_memory_stats)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", reset)
    for name, value in {"max_memory_allocated": 3, "max_memory_reserved": 5}.items():
        monkeypatch.setattr(torch.cuda, name, create_autospec(getattr(torch.cuda, name), return_value=value))

    torch_memory.reset_peak(device)

    reset.assert_called_once_with(device)
    assert torch_memory.peak_bytes(device) == (3, 5)
