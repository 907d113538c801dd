"""The columns of a page's tables: the main ones, and groups of the others that a reader may open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.analysis.deployment import bytes_to_deploy, gpu_bytes
from bench.analysis.words.deployment import evaluation_rates, fits_on, size_to_deploy
from bench.records.metrics import METRICS

from .cells import Cell, cell, column_title, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from bench.analysis.comparison import Comparison
    from bench.analysis.strategy_result import StrategyResult

__all__ = ["Column", "groups", "having", "main_columns"]

_GROUP_OF_UNIT = {
    "bytes": "Memory",
    "share": "Learning",
    "nats": "Learning",
    "steps": "Learning",
    "s": "Time",
    "samples/s": "Time",
    "tokens/s": "Time",
}
_OTHERWISE = "Size, work and energy"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, what it means, and its cells."""

    title: str
    meaning: str
    cell: Callable[[StrategyResult], Cell]
    value: Callable[[StrategyResult], float | None]
    """What it is sorted by."""


_MICRO_BATCH = Column(
    "micro-batch",
    "most rows of a forward pass, of those of a step",
    lambda result: Cell(f"{result.micro_batch_size} of {result.batch_size}"),
    lambda result: result.micro_batch_size,
)


def main_columns(comparison: Comparison) -> tuple[Column, ...]:
    """What decides, with letters of ties; then what it takes to train and to ship."""
    return (
        *(_column(metric, comparison) for metric in shown(comparison)),
        Column(
            "to deploy",
            "what training changed or added",
            lambda result: Cell(size_to_deploy(result)),
            bytes_to_deploy,
        ),
        *(
            [
                Column(
                    column_title("eval_samples_per_second"),
                    "adapters beside the weights, and merged into them",
                    lambda result: Cell(evaluation_rates(result)),
                    lambda result: result.means["eval_samples_per_second"],
                )
            ]
            if "merged_eval_samples_per_second" in comparison.metrics
            else []
        ),
        *([_MICRO_BATCH] if comparison.tells_batches else []),
        Column("fits on", "smallest common card", lambda result: Cell(fits_on(result)), gpu_bytes),
    )


def having(columns: Iterable[Column], results: Collection[StrategyResult]) -> tuple[Column, ...]:
    """Keep the columns that some of the rows have a value in."""
    return tuple(column for column in columns if any(column.value(result) is not None for result in results))


def groups(comparison: Comparison) -> dict[str, tuple[Column, ...]]:
    """All other metrics that any strategy has a value for, by what they are about."""
    found: dict[str, list[Column]] = {}
    for metric in comparison.metrics:
        is_told = metric.startswith("forecast_")  # which have a table of their own, beside what was measured
        if metric not in shown(comparison) and metric != "deploy_bytes" and not is_told:
            found.setdefault(_GROUP_OF_UNIT.get(METRICS[metric].unit, _OTHERWISE), []).append(_column(metric))
    return {name: tuple(found[name]) for name in ("Memory", "Time", "Learning", _OTHERWISE) if name in found}


def _column(metric: str, comparison: Comparison | None = None) -> Column:
    return Column(
        column_title(metric),
        METRICS[metric].description,
        lambda result: cell(result, metric, comparison),
        lambda result: result.means[metric],
    )
