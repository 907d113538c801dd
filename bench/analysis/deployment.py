"""What a strategy asks of others: the memory of the card to train on, and the weights to ship afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.records.flags import is_timed
from bench.records.record import Memory

if TYPE_CHECKING:
    from bench.analysis.strategy_result import StrategyResult
    from bench.records.record import RunRecord

__all__ = ["CARDS_GIB", "USABLE", "bytes_to_deploy", "gpu_bytes", "on_gpu", "peak_bytes", "smallest_card_gib"]

CARDS_GIB = (4, 6, 8, 12, 16, 24, 32, 40, 48, 80, 96, 141, 180)
"""Memory of common cards."""

USABLE = 0.95
"""Of a card's nominal memory: the driver keeps the rest."""

_CONTEXT_BYTES = 600 << 20
"""What a CUDA context takes beside torch's allocator, about; only where nothing but the allocator was read."""

_BYTES_PER_WEIGHT = {"float32": 4, "bfloat16": 2, "float16": 2}


def gpu_bytes(result: StrategyResult) -> int | None:
    """The largest peak of its finished runs on a GPU; None where none was measured."""
    runs = (run for run in result.finished if on_gpu(run))
    return max((peak for run in runs if (peak := peak_bytes(run)) is not None), default=None)


def on_gpu(run: RunRecord) -> bool:
    """Whether a run was on a GPU."""
    return run.spec.device.partition(":")[0] != "cpu"


def peak_bytes(run: RunRecord) -> int | None:
    """What a finished run needed at its peak: its training memory, on a GPU with the context where the allocator alone was read.

    None where that was not measured.
    """
    memory = run.measured.memory if run.measured and is_timed(run.flags) else Memory()
    peak = memory.training_bytes
    return peak and peak + (_CONTEXT_BYTES if on_gpu(run) and memory.nvml_delta_bytes is None else 0)


def smallest_card_gib(num_bytes: int) -> int | None:
    """The memory of the smallest common card on which a peak fits; None where it is too large for all of them."""
    return next((card for card in CARDS_GIB if num_bytes <= card * 2**30 * USABLE), None)


def bytes_to_deploy(result: StrategyResult) -> int | None:
    """The bytes to be stored beside the base model; None where no run finished.

    Older records do not say; there, those of the weights that trained, as they were kept in memory.
    """
    for run in result.measured.values():
        if run.deploy_bytes is not None:
            return run.deploy_bytes
        if run.weights_dtype in _BYTES_PER_WEIGHT:
            return run.num_trainable_params * _BYTES_PER_WEIGHT[run.weights_dtype]
    return None
