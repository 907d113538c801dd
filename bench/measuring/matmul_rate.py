"""The rate that MFU is relative to: that of this machine's own matmuls.

A datasheet says what a device can never exceed, and nothing about small matrices or a CPU. So
the matmuls of a model's linear layers are timed here as a training step runs them: forward, and
the two of backward, each weight matrix as often as the model has it.
"""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from contextlib import suppress
from hashlib import sha256
from statistics import median
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from bench.cache import build_once, cache_dir
from bench.errors import Unsupported
from bench.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.measuring.datasheets import Arithmetic
    from bench.measuring.flops import Extent, Shapes

    Key = list[object]
    Linear = Callable[..., torch.Tensor]

__all__ = ["arithmetic_of", "matmul_rate", "mfu", "time_matmuls"]

BUDGET_SECONDS = 2.0
"""How long new rounds of timing may begin; the first always does."""
SAMPLE_SECONDS = 1e-3
"""The least that one timing lasts: a shorter one would measure the clock and the launch."""


def mfu(flops: int, seconds: float, peak: float | None) -> float | None:
    """Return the share of `peak` (FLOP/s) that `flops` in `seconds` reach; None where no peak is known."""
    return None if peak is None else flops / seconds / peak


def matmul_rate(
    shapes: Shapes,
    extent: Extent,
    *,
    dtype: torch.dtype,
    device: torch.device,
    device_name: str,
    linear: Linear = functional.linear,
    variant: str | None = None,
    reached: float = 0.0,
) -> float:
    """Return the rate in FLOP/s at which this machine computes the linear layers of a model.

    Measured within about 2 s (the median of interleaved repeats after a warm-up), or taken from
    the cache where the same was measured before. `variant` names a `linear` that is not torch's own, so that both have
    their own rate in the cache. `reached` is the rate in FLOP/s of a run: the machine's cannot be less, so one that is less,
    as of a machine that was busy then, is measured once more, and the greater is kept.

    Raises:
        AssetError: the cache cannot be written.
        Unsupported: it is less than `reached` both times.

    """
    key: Key = [
        device_name,
        device.type,
        arithmetic_of(dtype, device),
        variant,
        torch.__version__,
        torch.get_num_threads() if device.type == "cpu" else None,
        torch.backends.cpu.get_cpu_capability() if device.type == "cpu" else None,
        sorted((*size, count) for size, count in _linears(shapes, extent).items()),
    ]

    def measured() -> float:
        return time_matmuls(shapes, extent, dtype=dtype, device=device, linear=linear, budget_seconds=BUDGET_SECONDS)

    def encoded(rate: float) -> bytes:
        return json.dumps({"flops_per_second": rate, "of": key}).encode()

    folder = cache_dir() / "rates" / sha256(json.dumps(key).encode()).hexdigest()[:32]
    build_once(folder, lambda building: replace_file(building / "rate.json", encoded(measured())))
    rate: float = json.loads((folder / "rate.json").read_bytes())["flops_per_second"]
    if rate < reached and (again := measured()) > rate:
        rate = again
        with suppress(OSError):  # the number is as good where it cannot be kept
            replace_file(folder / "rate.json", encoded(rate))
    if rate < reached:
        numbers = f"{reached / 1e9:.3g} GFLOP/s in the run, {rate / 1e9:.3g} by themselves"
        raise Unsupported(f"matmuls were faster in the run than by themselves, measured twice: {numbers}")
    return rate


def _linears(shapes: Shapes, extent: Extent) -> dict[tuple[int, int, int], int]:
    """Count the linear layers by positions, inputs and outputs."""
    positions = {"row": extent.rows, "token": extent.tokens, "pair": extent.pairs}
    return dict(Counter((positions[it.per], *it.weight) for it in shapes.matmuls if it.weight))


def time_matmuls(
    shapes: Shapes, extent: Extent, *, dtype: torch.dtype, device: torch.device, linear: Linear, budget_seconds: float
) -> float:
    """Time all linear layers in turn, round after round, so that a disturbance hits all alike: FLOP/s."""
    linears = _linears(shapes, extent)
    end = time.perf_counter() + budget_seconds
    samples = {size: _Sample(*size, dtype, device, linear=linear) for size in linears}
    while True:
        for sample in samples.values():
            sample.take()
        if time.perf_counter() >= end:
            break
    flops = sum(count * 6 * math.prod(size) for size, count in linears.items())
    return flops / sum(count * median(samples[size].seconds) for size, count in linears.items())


class _Sample:
    """One linear layer: forward, the gradient of its input and that of its weight."""

    def __init__(
        self, positions: int, inputs: int, outputs: int, dtype: torch.dtype, device: torch.device, *, linear: Linear
    ) -> None:
        self._input = torch.randn(positions, inputs, device=device).to(dtype)
        self._weight = torch.randn(outputs, inputs, device=device).to(dtype)
        self._grad = torch.randn(positions, outputs, device=device).to(dtype)
        self._device = device
        self._linear = linear
        self.seconds: list[float] = []
        """Of each repetition, by sample."""
        self._time(1)
        self._repeats = math.ceil(SAMPLE_SECONDS / self._time(1))

    def take(self) -> None:
        self.seconds.append(self._time(self._repeats) / self._repeats)

    def _time(self, repeats: int) -> float:
        _synchronize(self._device)
        began = time.perf_counter()
        for _ in range(repeats):
            self._linear(self._input, self._weight)
            self._linear(self._grad, self._weight.T)
            self._linear(self._grad.T, self._input.T)
        _synchronize(self._device)
        return time.perf_counter() - began


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def arithmetic_of(dtype: torch.dtype, device: torch.device) -> Arithmetic:
    """Return what matmuls of `dtype` are computed in on `device`, with torch's present settings."""
    if dtype == torch.float32:
        allowed = device.type == "cuda" and torch.get_float32_matmul_precision() != "highest"
        return "tf32" if allowed else "fp32"
    return "bf16" if dtype == torch.bfloat16 else "fp16"
