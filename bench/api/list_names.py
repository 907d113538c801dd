"""The names that a comparison takes, documented: `bench.strategies()` and `bench list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from bench.api.strategy_entry import strategy_entry
from bench.errors import UsageError
from bench.experiment import registry
from bench.experiment.trial import Trial
from bench.records.metrics import METRICS
from bench.workload.presets import DATASETS, MODELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["LISTS", "strategies"]


Entry = tuple[str, str, str]
"""Name, options or details, and one sentence."""


def strategies() -> pd.DataFrame:
    """List every strategy: its name (the index), its options with their defaults, and what it does."""
    return pd.DataFrame(_strategies(), columns=["name", "options", "description"]).set_index("name")


def _strategies() -> Iterator[Entry]:
    """List name, options and one sentence of every strategy; of one that cannot be used, why."""
    with Trial("bench.api.strategy_entry") as trial:
        for name in registry.names():
            try:
                options, said = (
                    strategy_entry(name)
                    if registry.is_ours(name)
                    else trial.ask("strategy_entry", name, f"strategy {registry.origin(name)}")
                )
            except UsageError as error:
                options, said = "", f"cannot be used: {error}"
            yield name, options, said


def _models() -> Iterator[Entry]:
    for name, preset in MODELS.items():
        yield name, f"{preset.num_params / 1e6:.0f}M parameters, {preset.licence}", preset.description


def _datasets() -> Iterator[Entry]:
    for name, preset in DATASETS.items():
        yield name, f"{preset.num_rows:,} rows, {len(preset.labels)} labels", preset.description


def _metrics() -> Iterator[Entry]:
    for name, metric in METRICS.items():
        yield (
            name,
            f"{metric.unit}, {metric.better} is better" if metric.better != "neither" else metric.unit,
            metric.description,
        )


LISTS: Mapping[str, Callable[[], Iterator[Entry]]] = {
    "strategies": _strategies,
    "models": _models,
    "datasets": _datasets,
    "metrics": _metrics,
}
"""By what `bench list` is asked for."""
