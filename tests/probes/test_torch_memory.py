from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import create_autospec

import pytest
import torch
from torch import nn

from bench.probes import host, torch_memory
from bench.readings import Memory

if TYPE_CHECKING:
    from pathlib import Path

MIB = 2**20
CPU = torch.device("cpu")


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


def test_what_the_allocator_counts_is_asked_for_on_a_gpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (torch_memory.allocated_bytes(CPU), torch_memory.num_retries(CPU)) == (None, None)
    for name, value in {"memory_allocated": 3, "memory_stats": {"num_alloc_retries": 2}}.items():
        monkeypatch.setattr(torch.cuda, name, create_autospec(getattr(torch.cuda, name), return_value=value))

    cuda = torch.device("cuda")
    assert (torch_memory.allocated_bytes(cuda), torch_memory.num_retries(cuda)) == (3, 2)


def test_weights_mapped_from_a_file_are_resident_once_touched(tmp_path: Path) -> None:
    path, size = tmp_path / "weights", 64 * MIB
    path.write_bytes(b"\0" * size)
    model = nn.Linear(1, 1, bias=False)
    model.weight.data = torch.from_file(str(path), size=size // 4).view(-1, 1)
    before = host.file_bytes()
    if before is None:
        pytest.skip("this kernel does not tell mapped files apart")

    torch_memory.touch(model)

    after = host.file_bytes()
    assert after is not None
    assert after - before > 60 * MIB


@pytest.fixture
def trained() -> tuple[nn.Module, torch.optim.Optimizer]:
    """Tied weights, of which a quarter is frozen, after a step of AdamW."""
    model = nn.Sequential(nn.Linear(64, 64, bias=False), nn.Linear(64, 64, bias=False), nn.Linear(64, 64, bias=False))
    model[1].weight = model[0].weight
    model.append(nn.Linear(64, 64, bias=False).requires_grad_(requires_grad=False))
    optimizer = torch.optim.AdamW(param for param in model.parameters() if param.requires_grad)
    model(torch.ones(2, 64)).sum().backward()
    optimizer.step()
    return model, optimizer


def test_a_peak_is_split_into_what_the_tensors_take_and_a_rest(
    trained: tuple[nn.Module, torch.optim.Optimizer],
) -> None:
    model, optimizer = trained
    one = 64 * 64 * 4
    memory = Memory(host_baseline_bytes=1000 + 3 * one, host_peak_bytes=1000 + 11 * one)

    parts = torch_memory.split_peak(memory, model, model.parameters(), optimizer)

    assert parts is not None
    assert parts.source == "host"
    assert parts.before_bytes == 1000
    assert parts.weights_bytes == 3 * one  # the shared one counts once
    assert parts.gradients_bytes == 2 * one
    assert parts.optimizer_bytes == pytest.approx(4 * one, abs=8)  # with the step counters
    assert parts.rest_bytes == pytest.approx(2 * one, abs=8)
    assert parts.total_bytes == memory.host_peak_bytes
    assert parts.residual_bytes == 0


def test_a_peak_below_its_parts_has_a_residual(trained: tuple[nn.Module, torch.optim.Optimizer]) -> None:
    model, optimizer = trained
    one = 64 * 64 * 4

    parts = torch_memory.split_peak(
        Memory(host_baseline_bytes=3 * one, host_peak_bytes=4 * one), model, model.parameters(), optimizer
    )

    assert parts is not None
    assert parts.rest_bytes == 0
    assert parts.residual_bytes == pytest.approx(5 * one, abs=8)


def test_a_peak_that_was_not_measured_is_not_split(trained: tuple[nn.Module, torch.optim.Optimizer]) -> None:
    model, optimizer = trained

    assert torch_memory.split_peak(Memory(), model, model.parameters(), optimizer) is None


def test_state_is_found_however_an_optimizer_nests_it() -> None:
    one = torch.ones(3)
    found = list(torch_memory._tensors({"a": [one, (torch.ones(2), 5)], "b": {"c": torch.ones(1)}}))

    assert [tensor.numel() for tensor in found] == [3, 2, 1]
