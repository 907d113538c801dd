"""Judges step times, median and mean, by pairs of fresh processes.

The median is robust and ignores single slow steps; the mean, the inverse of throughput, includes them.
Both are judged, and a red one must be red again in a fresh rerun.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.gate.judging.judgement import Finding, Verdict
from bench.gate.judging.margins import MARGIN
from bench.gate.judging.sequential import AnalysisPlan, InterimAnalysis, decide, share_of
from bench.gate.judging.words import faster_or_slower, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = [
    "RED_ALPHA",
    "TIME_METRICS",
    "Pair",
    "TimeRule",
    "finding_of",
    "in_words",
    "judge_time",
    "pairs_wanted",
    "statistics",
    "time_findings",
    "unmeasured",
    "without_rerun",
]

_STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "step_seconds_median": lambda steps: float(np.median(steps)),
    "step_seconds_mean": lambda steps: float(np.mean(steps)),
}

TIME_METRICS = tuple(_STATISTICS)

_COLLAPSE = math.log(0.7)
"""Head 30 % faster: more often because it leaves out work than because it is better."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The steady steps of one fresh process per side, in seconds."""

    base: Sequence[float]
    head: Sequence[float]


@dataclass(frozen=True, slots=True)
class TimeRule:
    """The rule by which step times are judged."""

    margins: Mapping[str, float] = field(default_factory=dict)
    """How much slower head may be by metric, as a share; MARGIN where none is given."""
    plan: AnalysisPlan = field(default_factory=AnalysisPlan)
    confirm: bool = True
    """Whether red must be red again in fresh pairs."""

    def margin(self, metric: str) -> float:
        """Return how much slower head may be, as a share."""
        return self.margins.get(metric, MARGIN)


_DEFAULT = TimeRule()

RED_ALPHA = 0.0125
"""The error probability of "slower"; for red, the estimate must also exceed the margin."""


def without_rerun(margins: Mapping[str, float], num_pairs: int) -> TimeRule:
    """Return the rule for a fixed number of pairs: without a rerun to confirm red, it needs more certainty."""
    return TimeRule(margins, AnalysisPlan(looks=(num_pairs,), red_alpha=RED_ALPHA), confirm=False)


def pairs_wanted(pairs: Sequence[Pair], rule: TimeRule = _DEFAULT, metrics: Iterable[str] = TIME_METRICS) -> int | None:
    """Return how many pairs the next look needs; None where all metrics are decided, or no look is left.

    For a rerun, pass its own pairs and the metrics of the findings that need it.
    """
    ahead = next((num for num in rule.plan.looks if num > len(pairs)), None)
    if ahead is None or _fault(pairs):
        return None
    undecided = any(_decide(_values(pairs, metric), rule, metric)[0] is None for metric in metrics)
    return ahead if undecided else None


def judge_time(
    benchmark: str, pairs: Sequence[Pair], rerun: Sequence[Pair] = (), rule: TimeRule = _DEFAULT
) -> tuple[Finding, ...]:
    """Judge both metrics of step time.

    Without `rerun`, a metric that is red needs one; with it, the metric is red where the fresh
    pairs are red in the same metric.
    """
    fault = _fault(pairs) or (_fault(rerun) and f"in the rerun, {_fault(rerun)}")
    if fault:
        return tuple(unmeasured(benchmark, metric, fault) for metric in TIME_METRICS)
    return tuple(
        time_findings(benchmark, metric, _values(pairs, metric), _values(rerun, metric), rule)
        for metric in TIME_METRICS
    )


def time_findings(
    benchmark: str,
    metric: str,
    pairs: tuple[tuple[float, float], ...],
    rerun: tuple[tuple[float, float], ...],
    rule: TimeRule,
) -> Finding:
    """Judge one metric from one number per process, each above zero."""
    word, look = _decide(pairs, rule, metric)
    if look is None:
        wanted = rule.plan.looks[0]
        return unmeasured(benchmark, metric, f"{len(pairs)} pairs were measured, and the first look needs {wanted}")
    confirmed = None
    if word == "FAIL" and rerun:
        confirmed = _decide(rerun, rule, metric)[0] == "FAIL"
    needs_rerun = word == "FAIL" and rule.confirm and not rerun
    red_once = word == "FAIL" and (needs_rerun or confirmed is False)
    verdict: Verdict = "INCONCLUSIVE" if word is None or red_once else word
    used = pairs[: look.num_pairs]
    margin = rule.margin(metric)
    return finding_of(
        benchmark,
        metric,
        verdict,
        in_words(verdict, look, margin, confirmed=confirmed, needs_rerun=needs_rerun),
        look,
        margin=margin,
        base=math.exp(sum(math.log(base) for base, _ in used) / len(used)),
        head=math.exp(sum(math.log(head) for _, head in used) / len(used)),
        needs_rerun=needs_rerun,
        confirmed=confirmed,
        pairs=pairs,
        rerun_pairs=rerun if confirmed is not None else (),
    )


def finding_of(
    benchmark: str, metric: str, verdict: Verdict, reason: str, look: InterimAnalysis, **more: Any
) -> Finding:
    """Return the finding of an interim analysis of logarithms of times; `more` has its other fields."""
    return Finding(
        benchmark,
        metric,
        verdict,
        reason,
        change=share_of(look.estimate),
        low=share_of(look.low),
        high=share_of(look.high),
        detectable=share_of(look.detectable),
        deviation=look.deviation,
        num_pairs=look.num_pairs,
        **more,
    )


def statistics(steps: Sequence[float]) -> dict[str, float]:
    """Return the statistics of the step times of one process, by metric."""
    return {metric: of(steps) for metric, of in _STATISTICS.items()}


def unmeasured(benchmark: str, metric: str, reason: str) -> Finding:
    """Return a finding that a metric was not measured, which is never green."""
    return Finding(benchmark, metric, "NOT_MEASURED", reason)


def _decide(
    pairs: Sequence[tuple[float, float]], rule: TimeRule, metric: str
) -> tuple[Verdict | None, InterimAnalysis | None]:
    margin = math.log1p(rule.margin(metric))
    return decide([math.log(head / base) for base, head in pairs], margin, -margin, rule.plan)


def _values(pairs: Sequence[Pair], metric: str) -> tuple[tuple[float, float], ...]:
    of = _STATISTICS[metric]
    return tuple((of(pair.base), of(pair.head)) for pair in pairs)


def _fault(pairs: Sequence[Pair]) -> str | None:
    """Return what prevents pairs from being judged."""
    for number, pair in enumerate(pairs, start=1):
        for side, steps in (("base", pair.base), ("head", pair.head)):
            if not len(steps):
                return f"{side} has no steps in pair {number}"
            if not all(math.isfinite(seconds) and seconds > 0 for seconds in steps):
                return f"{side} has a step in pair {number} that took no finite time above zero"
    return None


def in_words(
    verdict: Verdict,
    look: InterimAnalysis,
    margin: float,
    *,
    confirmed: bool | None = None,
    needs_rerun: bool = False,
    unit: str = "pairs",
) -> str:
    """Describe what a look shows, and the reason of the verdict; `margin` is a share."""
    seen, limit = faster_or_slower(look), f"the margin of {percent(margin)}"
    if needs_rerun:
        return f"{seen}; beyond {limit}, to be confirmed by a fresh rerun"
    if confirmed is False:
        return f"{seen}; but a fresh rerun did not find it again"
    if verdict == "FAIL":
        again = ", and again in a fresh rerun" if confirmed else ""
        return f"{seen}; certainly slower, and the estimate is beyond {limit}{again}"
    if verdict == "IMPROVED":
        doubt = "; that much is more often work left out: make sure that head does the same"
        return f"{seen}; certainly faster{doubt if look.estimate < _COLLAPSE else ''}"
    if verdict == "INCONCLUSIVE":
        least = percent(share_of(look.detectable))
        return f"{seen}; {look.num_pairs} {unit} find {least} or more, the margin is {percent(margin)}"
    return f"{seen}; surely less than {limit}"
