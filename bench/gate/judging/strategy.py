"""Judges the samples of one strategy: every metric gets a finding, also where nothing was measured."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bench.gate.judging.memory import MemoryRule, judge_memory
from bench.gate.judging.quality import AccuracyRule, LossRule, judge_accuracy, judge_losses
from bench.gate.judging.times import TIME_METRICS, Pair, TimeRule, judge_time, unmeasured

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench.gate.judging.judgement import Finding
    from bench.gate.judging.pairs import PairResult

__all__ = ["MEMORY", "Rules", "judge_strategy", "rules_of", "step_pairs", "without"]

MEMORY, QUALITY = "training_memory_bytes", ("accuracy", "first_losses")


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules by which one strategy is judged."""

    time: TimeRule = field(default_factory=TimeRule)
    memory: MemoryRule = field(default_factory=MemoryRule)
    accuracy: AccuracyRule = field(default_factory=AccuracyRule)
    losses: LossRule = field(default_factory=LossRule)
    refused: Mapping[str, str] = field(default_factory=dict)
    """By metric, why step times are not judged."""

    @property
    def timed(self) -> tuple[str, ...]:
        """The metrics of step time that are judged."""
        return tuple(metric for metric in TIME_METRICS if metric not in self.refused)


def rules_of(margins: Mapping[str, float]) -> Rules:
    """Return the rules with these margins by metric; a missing one has the default of its rule."""
    memory, accuracy = MemoryRule(), AccuracyRule()
    return Rules(
        TimeRule({metric: margins[metric] for metric in TIME_METRICS if metric in margins}),
        replace(memory, margin=margins.get(MEMORY, memory.margin)),
        replace(accuracy, margin=margins.get("accuracy", accuracy.margin)),
    )


def step_pairs(taken: Sequence[PairResult]) -> list[Pair]:
    """Return the step times of the pairs in which both sides have a sample."""
    return [Pair(base.step_seconds, head.step_seconds) for base, head in filter(None, (one.samples for one in taken))]


def judge_strategy(
    name: str, taken: Sequence[PairResult], rerun: Sequence[PairResult], rules: Rules
) -> tuple[Finding, ...]:
    """Judge all metrics; none is measured if a pair lacks a side, so that a crash cannot improve a verdict."""
    for one in (*taken, *rerun):
        for side, failure in one.failures.items():
            return without(name, f"{side}: {failure}", has_diverged=_only_head_diverged(one))
    every = [pair for pair in (one.samples for one in (*taken, *rerun)) if pair]
    times = (
        unmeasured(name, found.metric, rules.refused[found.metric]) if found.metric in rules.refused else found
        for found in judge_time(name, step_pairs(taken), step_pairs(rerun), rules.time)
    )
    base, head = zip(*every, strict=True)
    seeds = [one.seed for one in (*taken, *rerun)]
    is_half = any(sample.is_half_precision for sample in (*base, *head))
    return (
        *times,
        *judge_memory(
            name,
            _known(sample.training_memory_bytes for sample in base),
            _known(sample.training_memory_bytes for sample in head),
            rules.memory,
        ),
        *judge_accuracy(
            name,
            {seed: sample.accuracy for seed, sample in zip(seeds, base, strict=True)},
            {seed: sample.accuracy for seed, sample in zip(seeds, head, strict=True)},
            rules.accuracy,
        ),
        *judge_losses(
            name,
            {seed: sample.losses for seed, sample in zip(seeds, base, strict=True)},
            {seed: sample.losses for seed, sample in zip(seeds, head, strict=True)},
            rules.losses,
            amp=is_half,
        ),
    )


def _known(peaks: Iterable[int | None]) -> list[int]:
    return [peak for peak in peaks if peak is not None]


def without(name: str, reason: str, *, has_diverged: bool = False) -> tuple[Finding, ...]:
    """Return findings that nothing was measured; a head that diverged where base did not is a regression."""
    found = [unmeasured(name, metric, reason) for metric in (*TIME_METRICS, MEMORY, *QUALITY)]
    if has_diverged:
        found[-1] = replace(found[-1], verdict="FAIL")
    return tuple(found)


def _only_head_diverged(taken: PairResult) -> bool:
    failures = taken.failures
    return "base" not in failures and "head" in failures and failures["head"].has_diverged
