"""How small a difference a comparison could have detected, and how much data would detect one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.analysis.power import POWER, detectable, rows_needed, rows_to_exceed, seeds_needed
from bench.analysis.quality import QUALITIES, SPEED
from bench.analysis.words.numbers import listed, margin
from bench.records.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.analysis.ranking import Ranking
    from bench.analysis.strategy_result import StrategyResult
    from bench.records.record import RunRecord

__all__ = ["Need", "Resolution", "beyond_chance", "data_needed", "size"]

_WORTH_DETECTING = {"ratio": math.log(1.1), "difference": 0.1}
"""A tie means something only where a difference of 10 %, or of 10 points, would have been detected."""

_MOST_ROWS = 10_000
"""Evaluation rows, and below them seeds, beyond which advice is of no use to anybody."""
_MOST_SEEDS = 30
_FEWEST_SEEDS = 3


@dataclass(frozen=True, slots=True)
class Need:
    """How much data would detect a difference."""

    kind: Literal["rows", "seeds"]
    number: int | None
    """None is more than is sensible."""
    is_least: bool = False
    """Whether more may be needed, since a single run knows nothing of how runs vary."""

    @classmethod
    def of_rows(cls, number: int) -> Need:
        """So many evaluation rows, rounded up; more than is sensible where they are too many."""
        rounded = _two_digits(number)
        return cls("rows", rounded if rounded <= _MOST_ROWS else None)

    @classmethod
    def of_seeds(cls, number: int | None, *, is_least: bool = False) -> Need:
        """So many seeds, three at least; more than is sensible where they are too many, or no number is enough."""
        return cls("seeds", None if number is None or number > _MOST_SEEDS else max(number, _FEWEST_SEEDS), is_least)

    @property
    def what(self) -> str:
        """What is counted."""
        return "evaluation rows" if self.kind == "rows" else "seeds"

    @property
    def option(self) -> str:
        """The option that asks for it."""
        return f"--eval-samples {self.number}" if self.kind == "rows" else f"--seeds {self.number}"

    @property
    def whatever(self) -> str:
        """What there is no use in asking for."""
        return "evaluation set of a sensible size" if self.kind == "rows" else "sensible number of seeds"

    def in_words(self, *, option: bool = True) -> str:
        """Write "about 12 seeds (--seeds 12)"."""
        said = f"{'at least' if self.is_least else 'about'} {self.number or 0:,} {self.what}"
        return f"{said} ({self.option})" if option else said


class Resolution:
    """What a tie between the reference and other strategies could have missed."""

    def __init__(self, tied: Sequence[StrategyResult], base: StrategyResult, ranking: Ranking) -> None:
        """Find, in each metric, the strategy in which the least would have been detected."""
        self._base, self._level = base, ranking.level
        self._words = {metric: ranking.quality.words[metric] for metric in (SPEED, ranking.quality.metric)}
        self._coarsest = {
            metric: max(
                ((_detectable(result, metric, self._level), result) for result in tied), key=lambda found: found[0]
            )
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
        """Write what would make it fine: "Detecting 10.0 points in accuracy takes about ... rows (--eval-samples ...)."."""
        needs = {
            metric: data_needed(self._coarsest[metric][1], self._base, metric, worth, self._level)
            for metric, worth in self._coarse.items()
        }
        said = {metric: f"{_margin(metric, self._coarse[metric])} in {self._words[metric]}" for metric in needs}
        return " ".join(
            f"No {need.whatever} would detect {said[metric]}."
            if need.number is None
            else f"Detecting {said[metric]} takes {need.in_words()}."
            for metric, need in needs.items()
            if need
        )

    @property
    def _found(self) -> Sequence[tuple[str, tuple[float, StrategyResult]]]:
        return tuple(self._coarsest.items())

    @property
    def _coarse(self) -> dict[str, float]:
        worth = {metric: _WORTH_DETECTING[METRICS[metric].compare] for metric in self._words}
        return {metric: least for metric, least in worth.items() if self._coarsest[metric][0] > least}


def data_needed(result: StrategyResult, base: StrategyResult, metric: str, effect: float, level: float) -> Need | None:
    """How much data would detect `effect` against the reference; None where nothing tells."""
    interval = result.relative[metric]
    if interval is None or interval.evidence is None or not effect:
        return None
    if num := _rows_needed(result, base, metric, effect, level):
        return Need.of_rows(num)
    return Need.of_seeds(seeds_needed(interval, effect, level), is_least=interval.this_run_only)


def beyond_chance(result: StrategyResult) -> str:
    """What would show that a strategy beats the majority class: more rows, or longer training where it is no better.

    Where the data have fewer evaluation rows than would show it of one that is always right, no training helps.
    """
    spec, found, majority = result.finished[0].spec, result.quality_interval, result.majority_quality
    assert found is not None, "asked only of strategies whose quality is known"
    assert majority is not None, "likewise"
    num_rows = min(one.num_samples for one in result.evaluations.values())
    there = max(num_rows, _most_rows(result.finished[0]))
    fewest = rows_to_exceed(1.0, majority, variance=majority * (1 - majority)) if majority < 1 else 0
    if fewest > there:
        return f"The data have {there} evaluation rows: to be right in all of them would not show it, which takes about {fewest}."
    if found.estimate > majority:
        seen = num_rows * found.evidence.standard_error**2 if found.evidence else None
        # Few rows that are all right do not vary at all: rows of the majority's share do.
        tried = (rows_to_exceed(found.estimate, majority, variance=one) for one in (seen, majority * (1 - majority)))
        num = _two_digits(next((num for num in tried if num > num_rows), 2 * num_rows))
        if num <= min(_MOST_ROWS, _most_rows(result.finished[0])):
            return f"Evaluate on more rows (--eval-samples {num})."
    return f"Train longer ({f'--steps {2 * spec.steps}' if spec.steps else f'--epochs {2 * spec.epochs}'})."


def size(metric: str, value: float) -> float:
    """The size of a change, on the scale that it is tested on."""
    return abs(math.log(value)) if METRICS[metric].compare == "ratio" else abs(value)


def _rows_needed(result: StrategyResult, base: StrategyResult, metric: str, effect: float, level: float) -> int | None:
    """Evaluation rows that would detect `effect`; None where the data have not as many, or seeds were compared."""
    interval, run = result.relative[metric], base.finished[0]
    if metric not in QUALITIES or interval is None or run.measured is None:
        return None
    num = rows_needed(interval, run.measured.evaluation.num_samples, effect, level)
    return _two_digits(num) if num and _two_digits(num) <= _most_rows(run) else None


def _most_rows(run: RunRecord) -> float:
    """The evaluation rows that there are to be asked for; infinite where a record of before does not say it."""
    if run.spec.workload.eval_samples is None:  # all that there are
        return 0
    return math.inf if run.measured is None or run.measured.data is None else run.measured.data.num_available_eval


def _two_digits(number: int) -> int:
    """Round up, for nothing finer is known: 4458 becomes 4500."""
    unit = int(10 ** max(0, len(str(number)) - 2))
    return -(-number // unit) * unit


def _margin(metric: str, amount: float) -> str:
    kind = METRICS[metric]
    return margin(kind, math.expm1(amount) if kind.compare == "ratio" else amount)


def _detectable(result: StrategyResult, metric: str, level: float) -> float:
    interval = result.relative[metric]
    assert interval is not None, "asked only of ties, which intervals tell"
    assert interval.evidence is not None, "likewise"
    return detectable(interval.evidence, level)
