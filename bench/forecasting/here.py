"""This machine as a card: its memory, and its speed as measured once on it."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from hashlib import sha256
from statistics import median
from typing import TYPE_CHECKING

import psutil
import torch

from bench.cache import build_once, cache_dir
from bench.forecasting.cards import GPU_LAUNCH_SECONDS, HERE, Card
from bench.forecasting.duration import UNKNOWN, Bounds, Speed
from bench.forecasting.overhead import overhead
from bench.measuring import host_memory
from bench.measuring.datasheets import DATASHEETS
from bench.measuring.environment import device_name
from bench.measuring.flops import Extent, Matmul, Shapes
from bench.measuring.matmul_rate import arithmetic_of, time_matmuls
from bench.training.savings.onednn_linear import linear_for
from bench.training.target import target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


__all__ = ["room_for_tensors", "shared_among", "this_card", "with_free_memory"]

PRODUCTS = {"cpu": ((128, 384), (512, 1024)), "cuda": ((512, 1024), (4096, 4096))}
"""Tokens and width of the products that are timed: small and large ones of models that such a device trains."""
MATMUL_SHARE = Bounds(0.6, 1.1)
"""Of the rates of the small products and of the large ones, that matmuls of a training reach. Chosen."""
BUDGET_SECONDS = 0.3
"""For each of them."""
COPIES = {"cpu": (2**20, 2**27), "cuda": (2**24, 2**30)}
"""Bytes that are copied: within a cache, and far beyond it."""
CPU_LAUNCH_SECONDS = Bounds(5e-6, 30e-6)
"""Steps of models so small that they do little else took 13 to 18 us for each operation on a busy CPU of a server."""
NUM_COPIES = 5
PROCESS_BYTES = 2**30
"""Of memory that is free, that a run's process takes beside the model: libraries are half of it. Chosen."""


def with_free_memory(card: Card, num_processes: int = 1) -> Card:
    """Return a card of this machine with the memory that each process of a run can have now: of a CPU its part of what is free.

    What the process itself takes is left out of it.
    """
    free = host_memory.available_bytes()
    if card.kind != "cpu" or free is None:
        return card
    left = min(card.memory_bytes, max(0, free // num_processes - PROCESS_BYTES))
    part = f", by the {num_processes} processes that share it" if num_processes > 1 else ""
    source = f"what is free of it now{part}, less 1 GiB for the libraries of a {'process' if part else 'run'}"
    return replace(card, memory_bytes=left, source=source)


def shared_among(num_processes: int, card: Card) -> Card:
    """Return the card that each process of a run has: a GPU of its own, or its part of the memory of one CPU."""
    if num_processes == 1 or card.kind != "cpu":
        return card
    source = f"{card.source}, by the {num_processes} processes that share it"
    return replace(card, memory_bytes=card.memory_bytes // num_processes, source=source)


def room_for_tensors(card: Card) -> int:
    """Return what of a card's memory a run's own measured peak can have: on a GPU all but its context."""
    fixed = overhead(card.kind, card=card.name, tensors_bytes=0, weights_bytes=0)[1] if card.kind == "cuda" else 0
    return card.memory_bytes - fixed


def this_card(device: str | torch.device, *, only_known: bool = False) -> Card:
    """Describe a device of this machine. A busy machine looks slow.

    Args:
        device: One that is there.
        only_known: Take its speed from the cache or leave it `UNKNOWN`; else it is measured in some seconds, once.

    Raises:
        AssetError: the cache cannot be written.

    """
    device = torch.device(device)
    name = device_name(device)
    is_gpu = device.type == "cuda"
    short = next((key for key, sheet in DATASHEETS.items() if re.fullmatch(sheet.driver_name, name)), HERE)
    memory = torch.cuda.get_device_properties(device).total_memory if is_gpu else psutil.virtual_memory().total
    return Card(
        name=short,
        kind="cuda" if is_gpu else "cpu",
        memory_bytes=memory,
        speed=_speed(device, name, only_known=only_known),
        source=f"measured on this machine ({name})",
    )


def _speed(device: torch.device, name: str, *, only_known: bool) -> Speed:
    kinds = [arithmetic_of(dtype, device) for dtype in _dtypes(device)]
    key = json.dumps([name, device.type, kinds, torch.__version__, torch.get_num_threads()])
    folder = cache_dir() / "speed" / sha256(key.encode()).hexdigest()[:32]
    if only_known and not folder.is_dir():
        return UNKNOWN

    def build(folder: Path) -> None:
        matmuls = {arithmetic_of(dtype, device): _matmuls(dtype, device) for dtype in _dtypes(device)}
        measured = {"flops_per_second": matmuls, "bytes_per_second": _time_copies(device), "of": key}
        (folder / "speed.json").write_text(json.dumps(measured))

    measured = json.loads((build_once(folder, build) / "speed.json").read_text())
    matmuls, copies = measured["flops_per_second"], measured["bytes_per_second"]
    return Speed(
        flops_per_second={
            kind: Bounds(MATMUL_SHARE.low * min(matmuls[kind]), MATMUL_SHARE.high * max(matmuls[kind]))
            for kind in kinds
        },
        bytes_per_second=Bounds(min(copies), max(copies)),
        launch_seconds=CPU_LAUNCH_SECONDS if device.type == "cpu" else GPU_LAUNCH_SECONDS,
    )


def _dtypes(device: torch.device) -> list[torch.dtype]:
    """What this device computes by itself; emulated it would take minutes."""
    able = {torch.float32: True, torch.bfloat16: target(device).has_native_bf16, torch.float16: device.type == "cuda"}
    return [dtype for dtype, native in able.items() if native]


def _matmuls(dtype: torch.dtype, device: torch.device) -> list[float]:
    """Time products of some sizes: FLOP/s."""
    rates = []
    for tokens, width in PRODUCTS[device.type]:
        product = Shapes((Matmul("layer 0", 2 * width**2, "token", weight=(width, width)),))
        extent = Extent(rows=1, tokens=tokens, pairs=tokens**2)
        linear = linear_for(dtype, device)
        rates.append(
            time_matmuls(product, extent, dtype=dtype, device=device, linear=linear, budget_seconds=BUDGET_SECONDS)
        )
    return rates


def _time_copies(device: torch.device) -> list[float]:
    """Time copies of some sizes: bytes per second, what is read and what is written together."""
    rates = []
    for size in COPIES[device.type]:
        source = torch.zeros(size, dtype=torch.uint8, device=device)
        goal = torch.empty_like(source)
        repeats = max(1, max(COPIES[device.type]) // size // 4)
        goal.copy_(source)
        seconds = median(_time(lambda: goal.copy_(source), repeats, device) for _ in range(NUM_COPIES))  # noqa: B023
        rates.append(2 * size / seconds)
    return rates


def _time(call: Callable[[], object], repeats: int, device: torch.device) -> float:
    wait = torch.cuda.synchronize if device.type == "cuda" else bool
    wait()
    began = time.perf_counter()
    for _ in range(repeats):
        call()
    wait()
    return (time.perf_counter() - began) / repeats
