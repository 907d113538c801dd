from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from bench.errors import Unsupported
from bench.measuring import matmul_rate as module
from bench.measuring.datasheets import datasheet_peak
from bench.measuring.flops import Extent, Matmul, Shapes
from bench.measuring.matmul_rate import arithmetic_of, matmul_rate, mfu

if TYPE_CHECKING:
    from pathlib import Path

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
EXTENT = Extent(rows=4, tokens=32, pairs=256)
LINEAR = Matmul("layer 0", 2 * 8 * 16, "token", weight=(8, 16))
HEAD = Matmul("head", 2 * 16 * 2, "row", weight=(16, 2))
ATTENTION = Matmul("layer 0", 2 * 16, "pair")
SHAPES = Shapes((LINEAR, ATTENTION, LINEAR, HEAD))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(module, "BUDGET_SECONDS", 0.0)
    return tmp_path


def rate(
    shapes: Shapes = SHAPES, extent: Extent = EXTENT, dtype: torch.dtype = torch.float32, name: str = "x", **more: Any
) -> float:
    return matmul_rate(shapes, extent, dtype=dtype, device=CPU, device_name=name, **more)


def stored(cache: Path) -> list[dict[str, object]]:
    return [json.loads(file.read_text()) for file in cache.glob("rates/*/rate.json")]


def test_a_rate_is_measured_once_and_then_remembered(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = rate()
    assert measured > 0
    (entry,) = stored(cache)
    assert entry["flops_per_second"] == measured
    monkeypatch.setattr(module, "time_matmuls", lambda *_, **__: pytest.fail("it was measured before"))
    assert rate() == measured


def test_anything_that_matters_is_measured_anew(cache: Path) -> None:
    rate()
    rate(dtype=torch.bfloat16)
    rate(extent=Extent(rows=4, tokens=33, pairs=256))
    rate(shapes=Shapes((LINEAR, HEAD)))
    rate(name="another")
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        rate()
    finally:
        torch.set_num_threads(threads)
    assert len(stored(cache)) == 6
    rate(shapes=Shapes((HEAD, LINEAR, LINEAR)))  # attention and the order do not count
    assert len(stored(cache)) == 6


def test_a_rate_that_a_run_beats_is_measured_once_more_and_the_greater_kept(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = iter([1e9, 3e9, 2e9, 9e9])
    monkeypatch.setattr(module, "time_matmuls", lambda *_, **__: next(measured))
    assert rate() == 1e9
    assert rate(reached=1e9) == 1e9, "as fast is possible"
    assert rate(reached=2.5e9) == 3e9
    with pytest.raises(Unsupported, match=r"measured twice: 4 GFLOP/s in the run, 3 by themselves$"):
        rate(reached=4e9)
    assert rate() == 3e9
    (entry,) = stored(cache)
    assert entry["flops_per_second"] == 3e9
    assert rate(reached=4e9) == 9e9


def test_a_greater_rate_that_cannot_be_kept_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = iter([1e9, 3e9, 3e9])
    monkeypatch.setattr(module, "time_matmuls", lambda *_, **__: next(measured))
    rate()

    def full(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(module, "replace_file", full)
    assert rate(reached=2e9) == 3e9
    assert rate() == 1e9


def test_the_rate_is_all_flops_over_all_median_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    class Sample:
        """A linear layer over tokens takes 1, 9 and 2 s, the head half a second."""

        def __init__(self, positions: int, *_: object, **__: object) -> None:
            self.seconds: list[float] = []
            self._takes = iter([1.0, 9.0, 2.0]) if positions == EXTENT.tokens else iter([0.5] * 3)

        def take(self) -> None:
            self.seconds.append(next(self._takes))

    now = iter([0.0, 1.0, 2.0, 3.0])
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: next(now)))
    monkeypatch.setattr(module, "_Sample", Sample)
    monkeypatch.setattr(module, "BUDGET_SECONDS", 3.0)
    flops = 2 * (3 * 2 * 32 * 8 * 16) + 3 * 2 * 4 * 16 * 2
    assert rate() == pytest.approx(flops / (2 * 2.0 + 0.5))


def test_a_sample_repeats_what_is_too_short_to_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(10_000))
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: next(now) * 1e-4))
    sample = module._Sample(2, 3, 4, torch.float32, CPU, linear=torch.nn.functional.linear)
    sample.take()
    assert sample.seconds == [pytest.approx(1e-5)]  # a tenth of what ten repeats took


def test_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    assert arithmetic_of(torch.bfloat16, CPU) == "bf16"
    assert arithmetic_of(torch.float16, CUDA) == "fp16"
    assert arithmetic_of(torch.float32, CUDA) == "fp32"
    monkeypatch.setattr(torch, "get_float32_matmul_precision", lambda: "high")
    assert arithmetic_of(torch.float32, CUDA) == "tf32"
    assert arithmetic_of(torch.float32, CPU) == "fp32"


def test_mfu() -> None:
    assert mfu(3_000, 2.0, 6_000.0) == 0.25
    assert mfu(3_000, 2.0, None) is None


@pytest.mark.gpu
def test_no_gpu_is_faster_than_its_datasheet() -> None:
    name = torch.cuda.get_device_name()
    peak = datasheet_peak(name, "bf16")
    if peak is None:
        pytest.skip(f"no datasheet of {name} is known")
    large = Shapes((Matmul("layer 0", 2 * 4096 * 4096, "token", weight=(4096, 4096)),))
    extent = Extent(rows=8, tokens=4096, pairs=4096)
    found = matmul_rate(large, extent, dtype=torch.bfloat16, device=CUDA, device_name=name)
    assert 0 < found < 1.05 * peak
