"""Learning rates: those of a strategy, and what a search found: who gains by it beyond noise, whose best is at an edge."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import stats

from bench.experiment.tuning import RateSearch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.analysis.strategy_result import StrategyResult
    from bench.records.tuning import Tuning, TuningTrial

__all__ = ["Edge", "FoundRate", "edges", "found_rates", "gaining", "grid_edges", "peak_rates", "wider"]

_LEVEL = 0.05
_BEYOND = 10
"""Times the highest rate that was tried, up to which a wider search goes."""

Edge = Literal["lowest", "highest"]


@dataclass(frozen=True, slots=True)
class FoundRate:
    """What was found for one strategy."""

    result: StrategyResult
    tuning: Tuning

    @property
    def strategy(self) -> str:
        """Its name, with the rate that was chosen."""
        return self.result.strategy

    @property
    def chosen(self) -> TuningTrial | None:
        """The trial of the chosen rate that was as long as a run."""
        return self._at(self.tuning.lr)

    @property
    def default(self) -> TuningTrial | None:
        """That of the default rates."""
        return self._at(None)

    @property
    def gain(self) -> float | None:
        """By how much the chosen rate was better than the default ones, as a share of the validation rows.

        None where either has no score.
        """
        scores = [trial.quality if trial else None for trial in (self.chosen, self.default)]
        return None if scores[0] is None or scores[1] is None else scores[0] - scores[1]

    @property
    def num_rates(self) -> int:
        """Rates that were tried beside the default ones."""
        return len({trial.lr for trial in self.tuning.trials} - {None})

    @property
    def best_of_grid(self) -> float | None:
        """Best rate of those that were tried for as long as a run beside the default ones; None where none of them ended ok."""
        scored = [
            (trial.quality, -math.inf if trial.loss is None else -trial.loss, trial.lr)
            for trial in self.tuning.whole_trials
            if trial.lr is not None and trial.quality is not None
        ]
        return max(scored, key=lambda one: one[:2])[-1] if scored else None

    def _at(self, rate: float | None) -> TuningTrial | None:
        return next((trial for trial in self.tuning.whole_trials if trial.lr == rate), None)


def peak_rates(result: StrategyResult) -> tuple[float, ...]:
    """Peak learning rates of the layers that train, each once, the lowest first; empty where no run recorded them."""
    rates = result.layer_rates
    return tuple(sorted({layer.lr for layer in rates if layer.lr is not None}))


def found_rates(results: Iterable[StrategyResult]) -> tuple[FoundRate, ...]:
    """Those strategies whose rate was searched for, in their order."""
    return tuple(FoundRate(result, result.tuning) for result in results if result.tuning)


def gaining(found: Sequence[FoundRate]) -> tuple[FoundRate, ...]:
    """Those whose chosen rate is shown to be more accurate than the default ones, the largest gain first.

    By Fisher's exact test of two shares of as many rows, as if these were not the same (which claims too little rather
    than too much, on few rows too), at 5%, corrected for all rates that were tried for all strategies (Bonferroni), as
    each could have come out best by chance. Of other scores than accuracy nothing is claimed.
    """
    num_tried = sum(one.num_rates for one in found)
    shown = [one for one in found if one.tuning.metric == "accuracy" and _p_value(one) * num_tried <= _LEVEL]
    return tuple(sorted(shown, key=lambda one: -(one.gain or 0)))


def edges(found: Iterable[FoundRate]) -> dict[tuple[Edge, float], tuple[FoundRate, ...]]:
    """Those whose best rate is the lowest or highest that was tried, by which of the two, and the rate."""
    return _by_edge((one, one.tuning.lr) for one in found)


def grid_edges(found: Iterable[FoundRate]) -> dict[tuple[Edge, float], tuple[FoundRate, ...]]:
    """Those that keep their default rates and whose best other rate is the lowest or highest that was tried, grouped likewise.

    Default rates may lie beyond the grid, as those of an optimizer that asks for larger ones than AdamW.
    """
    return _by_edge((one, one.best_of_grid) for one in found if one.tuning.lr is None)


def wider(edge: Edge, tuning: Tuning) -> str:
    """Write what asks for a search that is as this one and goes further: "--tune lr:trials=4:high=1"."""
    rates = {trial.lr for trial in tuning.trials if trial.lr is not None}
    asked = {"trials": len(rates), "low": min(rates), "high": max(rates)}
    asked |= {"high": asked["high"] * _BEYOND} if edge == "highest" else {"low": asked["low"] / _BEYOND}
    default = RateSearch().model_dump()
    return "--tune lr" + "".join(f":{key}={value:g}" for key, value in asked.items() if value != default[key])


def _by_edge(rated: Iterable[tuple[FoundRate, float | None]]) -> dict[tuple[Edge, float], tuple[FoundRate, ...]]:
    grouped: dict[tuple[Edge, float], tuple[FoundRate, ...]] = {}
    for one, rate in rated:
        edge = one.tuning.edge_of(rate)
        if edge and rate is not None:
            grouped[edge, rate] = (*grouped.get((edge, rate), ()), one)
    return grouped


def _p_value(one: FoundRate) -> float:
    """Of the two accuracies being the same, by Fisher's exact test; 1 where there is no gain."""
    gain, default, num_rows = one.gain, one.default, one.tuning.num_rows
    if not gain or gain < 0 or default is None or default.quality is None:
        return 1.0
    right = [round(share * num_rows) for share in (default.quality + gain, default.quality)]
    return float(stats.fisher_exact(np.array([[num, num_rows - num] for num in right])).pvalue)
