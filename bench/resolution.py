"""How small a difference a comparison could have detected, and the options that would settle a tie."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bench.analysis.quality import QUALITIES
from bench.metrics import METRICS
from bench.phrases import listed, margin
from bench.power import POWER, detectable, rows_needed, rows_to_exceed, seeds_needed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.row import Row

__all__ = ["Resolution", "beyond_chance", "data_needed", "size"]

_WORTH_DETECTING = {"ratio": math.log(1.1), "difference": 0.1}
"""By how a metric is compared: a tie means something only where 10 %, or 10 points, would have been detected."""

_TOO_MANY_ROWS = 100_000


class Resolution:
    """What a tie between the reference and other strategies could have missed."""

    def __init__(self, tied: Sequence[Row], base: Row, level: float) -> None:
        """Find, in each metric, the strategy in which the least would have been detected."""
        self._base, self._level, self._words = base, level, base.quality.worth_settling
        self._coarsest = {
            metric: max(((_detectable(row, metric, level), row) for row in tied), key=lambda found: found[0])
            for metric in self._words
        }

    @property
    def is_fine(self) -> bool:
        """Whether every difference worth detecting would have been detected."""
        return not self._coarse

    def in_words(self) -> str:
        """Write "3.1% in speed and 4.2 points in accuracy (power 80%)"."""
        sizes = listed(f"{_margin(metric, least)} in {self._words[metric]}" for metric, (least, _) in self._found)
        return f"{sizes} (power {POWER:.0%})"

    def remedy(self) -> str:
        """Say what would make it fine: "Detecting 10.0 points in accuracy takes about ... rows (--eval-samples ...)."."""
        return " ".join(
            f"Detecting {_margin(metric, worth)} in {self._words[metric]} takes "
            f"{data_needed(self._coarsest[metric][1], self._base, metric, worth, self._level)}."
            for metric, worth in self._coarse.items()
        )

    @property
    def _found(self) -> Sequence[tuple[str, tuple[float, Row]]]:
        return tuple(self._coarsest.items())

    @property
    def _coarse(self) -> dict[str, float]:
        worth = {metric: _WORTH_DETECTING[METRICS[metric].compare] for metric in self._words}
        return {metric: least for metric, least in worth.items() if self._coarsest[metric][0] > least}


def data_needed(row: Row, base: Row, metric: str, effect: float, level: float) -> str:
    """Say how much data would detect `effect`: "12 seeds (--seeds 12)"; empty where nothing tells."""
    interval = row.relative[metric]
    if interval is None or not effect:
        return ""
    if num := _rows_needed(row, base, metric, effect, level):
        if num > _TOO_MANY_ROWS:
            return f"more than {_TOO_MANY_ROWS:,} evaluation rows"
        return f"about {num:,} evaluation rows (--eval-samples {num})"
    seeds = seeds_needed(interval, effect, level)
    if seeds is None:
        return "more than 100 seeds" if interval.evidence else ""
    seeds = max(seeds, 3)
    return f"{'at least' if interval.this_run_only else 'about'} {seeds} seeds (--seeds {seeds})"


def beyond_chance(row: Row) -> str:
    """Say what would show that a row beats the majority class: more rows, or longer training where it is no better."""
    spec, found, majority = row.finished[0].spec, row.quality_interval, row.majority_quality
    assert found is not None, "asked only of rows whose quality is known"
    assert majority is not None, "likewise"
    if found.estimate > majority and spec.workload.eval_samples is not None:
        num_rows = min(one.num_samples for one in row.evaluations.values())
        variance = num_rows * found.evidence.standard_error**2 if found.evidence else None
        num = _two_digits(rows_to_exceed(found.estimate, majority, variance=variance))
        if num <= _TOO_MANY_ROWS:
            return f"Evaluate on more rows (--eval-samples {num})."
    return f"Train longer ({f'--steps {2 * spec.steps}' if spec.steps else f'--epochs {2 * spec.epochs}'})."


def size(metric: str, value: float) -> float:
    """The size of a change, on the scale that it is tested on."""
    return abs(math.log(value)) if METRICS[metric].compare == "ratio" else abs(value)


def _rows_needed(row: Row, base: Row, metric: str, effect: float, level: float) -> int | None:
    """Evaluation rows that would detect `effect`; None where they are all used already, or seeds were compared."""
    interval, run = row.relative[metric], base.finished[0]
    if metric not in QUALITIES or interval is None or run.measured is None or run.spec.workload.eval_samples is None:
        return None
    num = rows_needed(interval, run.measured.evaluation.num_samples, effect, level)
    return num and _two_digits(num)


def _two_digits(number: int) -> int:
    """Round up, for nothing finer is known: 4458 becomes 4500."""
    unit = int(10 ** max(0, len(str(number)) - 2))
    return -(-number // unit) * unit


def _margin(metric: str, amount: float) -> str:
    return margin(metric, math.expm1(amount) if METRICS[metric].compare == "ratio" else amount)


def _detectable(row: Row, metric: str, level: float) -> float:
    interval = row.relative[metric]
    assert interval is not None, "asked only of ties, which intervals tell"
    assert interval.evidence is not None, "likewise"
    return detectable(interval.evidence, level)
