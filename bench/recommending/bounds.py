"""One strategy against each bound of a budget: within it, beyond it, or not settled, and what would settle it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from bench.analysis.deployment import USABLE, on_gpu, peak_bytes
from bench.analysis.power import rows_to_exceed, seeds_needed, seeds_to_predict
from bench.analysis.quality import ACCURACY
from bench.analysis.words.numbers import listed
from bench.analysis.words.resolution import Need
from bench.recommending import quantities
from bench.records.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.analysis.intervals import Interval
    from bench.analysis.strategy_result import StrategyResult
    from bench.experiment.budget import Budget

__all__ = ["BoundName", "Finding", "findings", "memory_limit"]

BoundName = Literal["memory", "max_time", "min_accuracy"]
Verdict = Literal["within", "open", "beyond"]

_FEWEST_SEEDS = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """How one strategy keeps to one bound."""

    bound: BoundName
    metric: str
    """Of METRICS, by which its numbers are written."""
    limit: float
    interval: Interval | None
    """Of the quantity that is bounded; None where it was not measured."""
    verdict: Verdict
    """Within or beyond the limit only where the interval lies wholly on that side."""
    needs: tuple[Need, ...] = ()
    """What would settle it, where it is open."""
    because: str = ""
    """Why it is open or beyond, where no number says so."""
    card: float | None = None
    """Bytes of the card of which the limit is the part that training can use; None where it is no card."""

    @property
    def excess(self) -> float:
        """By how much the estimate is on the wrong side, as a share of the limit; infinite where no number says."""
        if self.interval is None or not self.limit:
            return math.inf
        off = (self.interval.estimate - self.limit) / self.limit
        return -off if self.bound == "min_accuracy" else off


def memory_limit(result: StrategyResult, memory: float) -> float:
    """The bytes that training may take: on a GPU what a card of that size has left for it, as in the column "fits on"."""
    return memory * USABLE if any(map(on_gpu, result.records)) else memory


def findings(result: StrategyResult, budget: Budget) -> Iterator[Finding]:
    """Judge a strategy with a finished run by each bound of the budget."""
    if budget.memory is not None:
        yield _memory(result, budget.memory, budget.risk)
    if budget.maximize == "time-to-accuracy" and budget.min_accuracy is not None:
        yield from _time_to(result, budget, budget.min_accuracy)
    elif budget.max_time is not None:
        yield _time(quantities.seconds(result, budget.risk, budget.samples), budget.max_time, budget.risk)
    if budget.min_accuracy is not None:
        yield _score(result, budget.min_accuracy, budget.risk)


def _memory(result: StrategyResult, allowed: float, risk: float) -> Finding:
    limit, interval = memory_limit(result, allowed), quantities.memory(result, risk)
    card = None if limit == allowed else allowed
    finding = Finding("memory", "training_memory_bytes", limit, interval, "open", card=card)
    if finding.interval is None:
        return replace(finding, because="its memory was not measured")
    peak = max(value for run in result.finished if (value := peak_bytes(run)) is not None)
    if peak > limit:  # no interval is needed: a run did not fit
        return replace(finding, verdict="beyond")
    return _settled(finding, risk)


def _time(interval: Interval | None, limit: float, risk: float) -> Finding:
    finding = Finding("max_time", "train_seconds", limit, interval, "open")
    return replace(finding, because="its time was not measured") if interval is None else _settled(finding, risk)


def _time_to(result: StrategyResult, budget: Budget, target: float) -> Iterator[Finding]:
    """Judge the time to an accuracy; a strategy that does not reach it is beyond any limit."""
    times = quantities.reached(result, target)
    limit = math.inf if budget.max_time is None else budget.max_time
    finding = Finding("max_time", "train_seconds", limit, None, "open")
    if times is None:
        yield replace(finding, because="its learning curve was not recorded (--evaluations)")
    elif missed := [str(seed) for seed, time in times.items() if time is None]:
        seeds = f"seed{'s' if len(missed) > 1 else ''} {listed(missed)}"
        said = f"its learning curve does not reach {METRICS[ACCURACY.metric].format(target)} with {seeds}"
        yield replace(finding, verdict="beyond", because=said)
    else:
        interval = quantities.seconds_until(result, target, budget.risk)
        if budget.max_time is not None:
            yield _time(interval, limit, budget.risk)


def _score(result: StrategyResult, limit: float, risk: float) -> Finding:
    """Judge the score by other rows, and where there are several seeds by other seeds too: both must agree."""
    interval, word = quantities.score(result, risk), result.quality.word
    finding = Finding("min_accuracy", result.quality.metric, limit, interval, "open")
    if interval is None or interval.bounds is None:
        return replace(finding, because=f"no interval of its {word} is known")
    low, high = interval.bounds
    if low >= limit:
        return replace(finding, verdict="within")
    if high < limit:
        return replace(finding, verdict="beyond")
    return replace(finding, needs=tuple(_data_needed(result, limit, risk)))


def _data_needed(result: StrategyResult, limit: float, risk: float) -> Iterator[Need]:
    """Rows and seeds that would settle a score; nothing where it takes more rows than there are."""
    rows, seeds = quantities.score_by_rows(result, risk), quantities.score_by_seeds(result, risk)
    if rows is not None and _straddles(rows, limit):
        if result.finished[0].spec.workload.eval_samples is None:
            return
        yield _rows_needed(result, rows, limit, risk)
    if seeds is not None and _straddles(seeds, limit):
        effect = abs(seeds.estimate - limit)
        yield Need.of_seeds(seeds_needed(seeds, effect, risk) if effect else None)


def _rows_needed(result: StrategyResult, rows: Interval, limit: float, risk: float) -> Need:
    if rows.estimate == limit:
        return Need("rows", None)
    num_rows = min(one.num_samples for one in result.evaluations.values())
    variance = num_rows * rows.evidence.standard_error**2 if rows.evidence else None
    return Need.of_rows(rows_to_exceed(rows.estimate, limit, risk, variance=variance))


def _settled(finding: Finding, risk: float) -> Finding:
    """Settle what must not exceed its limit, by its interval of another run; else say how many seeds would."""
    interval = finding.interval
    assert interval is not None, "asked only of what was measured"
    if interval.bounds and interval.bounds[1] <= finding.limit:
        return replace(finding, verdict="within")
    if interval.bounds and interval.bounds[0] > finding.limit:
        return replace(finding, verdict="beyond")
    known = interval.evidence is not None
    seeds = seeds_to_predict(interval, finding.limit, risk) if known else _FEWEST_SEEDS
    return replace(finding, needs=(Need.of_seeds(seeds, is_least=not known),))


def _straddles(interval: Interval, limit: float) -> bool:
    return interval.bounds is not None and interval.bounds[0] < limit <= interval.bounds[1]
