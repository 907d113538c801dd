from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest
import torch

from bench.forecasting import here
from bench.forecasting.cards import card_of
from bench.forecasting.duration import UNKNOWN
from bench.forecasting.here import this_card

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(here, "BUDGET_SECONDS", 0.0)
    monkeypatch.setattr(here, "COPIES", {"cpu": (2**16, 2**20)})
    monkeypatch.setattr(here, "PRODUCTS", {"cpu": ((8, 32), (16, 64))})


def test_this_machine_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    card = this_card("cpu")
    assert card.kind == "cpu"
    assert card.memory_bytes == psutil.virtual_memory().total
    assert card.source.startswith("measured on this machine (")
    for low, high in (*card.speed.flops_per_second.values(), card.speed.bytes_per_second, card.speed.launch_seconds):
        assert 0 < low <= high
    monkeypatch.setattr(here, "_time_copies", lambda _: pytest.fail("it was measured before"))
    assert this_card("cpu") == card


def test_where_it_was_not_measured_it_may_stay_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as unmeasured:
        unmeasured.setattr(here, "_time_copies", lambda _: pytest.fail("nobody asked for that"))
        card = this_card("cpu", only_known=True)
    assert card.speed == UNKNOWN
    assert card.memory_bytes == psutil.virtual_memory().total
    assert this_card("cpu", only_known=True) == card
    measured = this_card("cpu")
    assert this_card("cpu", only_known=True) == measured != card


def test_what_a_cpu_only_emulates_has_no_rate() -> None:
    kinds = set(this_card("cpu").speed.flops_per_second)
    assert kinds in ({"fp32"}, {"fp32", "bf16"})
    assert this_card("cpu").has_native_bf16 == ("bf16" in kinds)


@pytest.mark.gpu
def test_a_gpu_here_is_the_card_that_it_is() -> None:
    card = this_card("cuda")
    assert card.memory_bytes == torch.cuda.get_device_properties(0).total_memory
    assert "fp16" in card.speed.flops_per_second


def test_processes_share_the_memory_of_a_cpu_and_have_a_gpu_each() -> None:
    cpu = this_card("cpu", only_known=True)
    assert here.shared_among(1, cpu) is cpu
    part = here.shared_among(4, cpu)
    assert part.memory_bytes == cpu.memory_bytes // 4
    assert part.source.endswith("by the 4 processes that share it")
    gpu = card_of("t4-16gb")
    assert here.shared_among(4, gpu) is gpu
