"""What a strategy asks of others, in words: "fits on 16 GiB", "513 MiB to deploy"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analysis.deployment import CARDS_GIB, USABLE, bytes_to_deploy, gpu_bytes, smallest_card_gib
from bench.analysis.words.numbers import NOT_MEASURED
from bench.records.metrics import METRICS, format_bytes

if TYPE_CHECKING:
    from bench.analysis.strategy_result import StrategyResult

__all__ = ["DEPLOY_NOTE", "evaluation_rates", "fits_on", "size_to_deploy"]

DEPLOY_NOTE = (
    "To deploy: the size of what training changed or added, to be stored beside the base model. "
    f"Fits on: the smallest common card of whose memory the measured GPU peak leaves {1 - USABLE:.0%} free."
)


def fits_on(result: StrategyResult) -> str:
    """Write the smallest common card on which the largest peak fits: "16 GiB"; "n/a" where no GPU was used."""
    if all(record.spec.device.partition(":")[0] == "cpu" for record in result.records):
        return "n/a"
    needed = gpu_bytes(result)
    if needed is None:
        return NOT_MEASURED
    card = smallest_card_gib(needed)
    return f"over {CARDS_GIB[-1]} GiB" if card is None else f"{card} GiB"


def size_to_deploy(result: StrategyResult) -> str:
    """Write the size of the weights that training changed: "513 MiB"; a dash where no run finished."""
    size = bytes_to_deploy(result)
    return NOT_MEASURED if size is None else format_bytes(size)


def evaluation_rates(result: StrategyResult) -> str:
    """Write how many rows a second were evaluated, and how many with the adapters merged: "410, merged 520"."""
    apart, merged = (
        None if (rate := result.means[metric]) is None else METRICS[metric].format(rate)
        for metric in ("eval_samples_per_second", "merged_eval_samples_per_second")
    )
    return (apart or NOT_MEASURED) if merged is None else f"{apart}, merged {merged}"
