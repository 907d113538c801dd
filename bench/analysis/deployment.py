"""What a strategy asks of others: the card to train on, and the weights to ship afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis.words.numbers import NOT_MEASURED
from bench.records.metrics import format_bytes

if TYPE_CHECKING:
    from bench.analysis.strategy_result import StrategyResult
    from bench.records.record import Measurement

__all__ = ["CARDS_GIB", "DEPLOY_NOTE", "fits_on", "size_to_deploy"]

CARDS_GIB = (4, 6, 8, 12, 16, 24, 32, 40, 48, 80, 96, 141, 180)
"""Memory of common cards."""

_USABLE = 0.95
"""Of a card's nominal memory: the driver keeps the rest."""

_CONTEXT_BYTES = 600 << 20
"""What a CUDA context takes beside torch's allocator, about; only where nothing but the allocator was read."""

_BYTES_PER_WEIGHT = {"float32": 4, "bfloat16": 2, "float16": 2}

DEPLOY_NOTE = (
    "To deploy: what must be stored beside the base model, the trained weights as they are kept in memory. "
    f"Fits on: the smallest common card of whose memory the measured GPU peak leaves {1 - _USABLE:.0%} free."
)


def fits_on(result: StrategyResult) -> str:
    """Name the smallest common card on which the largest peak fits: "16 GiB"; "n/a" where no GPU was used."""
    if all(record.spec.device.partition(":")[0] == "cpu" for record in result.records):
        return "n/a"
    peaks = [_needed(record.measured) for record in result.finished if record.measured]
    known = [peak for peak in peaks if peak is not None]
    if not known:
        return NOT_MEASURED
    return next(
        (f"{card} GiB" for card in CARDS_GIB if max(known) <= card * 2**30 * _USABLE), f"over {CARDS_GIB[-1]} GiB"
    )


def size_to_deploy(result: StrategyResult) -> str:
    """The bytes of the weights that training changed: "513 MiB"; a dash where no run finished."""
    for record in result.finished:
        if record.measured and record.measured.weights_dtype in _BYTES_PER_WEIGHT:
            return format_bytes(record.measured.num_trainable_params * _BYTES_PER_WEIGHT[record.measured.weights_dtype])
    return NOT_MEASURED


def _needed(measured: Measurement) -> int | None:
    peak = measured.memory.training_bytes
    is_allocator = measured.memory.nvml_delta_bytes is None
    return peak and peak + (_CONTEXT_BYTES if is_allocator else 0)
