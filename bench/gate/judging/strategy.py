"""Judges the samples of one strategy: every metric gets a finding, also where nothing was measured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bench.gate.judging.memory import judge_memory
from bench.gate.judging.quality import judge_accuracy, judge_losses
from bench.gate.judging.times import TIME_METRICS, Pair, TimeRule, judge_time, unmeasured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.gate.judging.baseline import Process
    from bench.gate.judging.judgement import Finding
    from bench.gate.judging.pairs import PairResult, Sample

__all__ = ["MEMORY", "judge_learning", "judge_strategy", "step_pairs", "without"]

MEMORY, QUALITY = "training_memory_bytes", ("accuracy", "first_losses")


def step_pairs(taken: Sequence[PairResult]) -> list[Pair]:
    """Return the step times of the pairs in which both sides have a sample."""
    return [Pair(base.step_seconds, head.step_seconds) for base, head in filter(None, (one.samples for one in taken))]


def judge_strategy(
    name: str,
    taken: Sequence[PairResult],
    rerun: Sequence[PairResult],
    margins: Mapping[str, float],
    refused: Mapping[str, str],
) -> tuple[Finding, ...]:
    """Judge all metrics; none is measured if a pair lacks a side, so that a crash cannot improve a verdict.

    `refused` says by metric why step times are not judged.
    """
    for one in (*taken, *rerun):
        for side, failure in one.failures.items():
            return without(name, f"{side}: {failure}", has_diverged=_only_head_diverged(one))
    times = (
        unmeasured(name, found.metric, refused[found.metric]) if found.metric in refused else found
        for found in judge_time(name, step_pairs(taken), step_pairs(rerun), TimeRule(margins))
    )
    by_seed = {one.seed: samples for one in (*taken, *rerun) if (samples := one.samples)}
    base, head = ({seed: samples[side] for seed, samples in by_seed.items()} for side in (0, 1))
    before, after = ([sample.training_memory_bytes for sample in side.values()] for side in (base, head))
    is_half = any(sample.is_half_precision for sample in (*base.values(), *head.values()))
    return (
        *times,
        judge_memory(name, before, after, margins[MEMORY]),
        *judge_learning(name, base, head, margins, is_half=is_half),
    )


def judge_learning(
    name: str,
    base: Mapping[int, Sample] | Mapping[int, Process],
    head: Mapping[int, Sample] | Mapping[int, Process],
    margins: Mapping[str, float],
    *,
    is_half: bool,
) -> tuple[Finding, Finding]:
    """Judge accuracy and first losses of runs by seed; `is_half` says whether any multiplied in half precision."""
    before, after = (
        {seed: run.accuracy for seed, run in side.items() if run.accuracy is not None} for side in (base, head)
    )
    theirs, ours = ({seed: run.losses for seed, run in side.items()} for side in (base, head))
    return (judge_accuracy(name, before, after, margins["accuracy"]), judge_losses(name, theirs, ours, amp=is_half))


def without(name: str, reason: str, *, has_diverged: bool = False) -> tuple[Finding, ...]:
    """Return findings that nothing was measured; a head that diverged where base did not is a regression."""
    found = [unmeasured(name, metric, reason) for metric in (*TIME_METRICS, MEMORY, *QUALITY)]
    if has_diverged:
        found[-1] = replace(found[-1], verdict="FAIL")
    return tuple(found)


def _only_head_diverged(taken: PairResult) -> bool:
    failures = taken.failures
    return "base" not in failures and "head" in failures and failures["head"].kind == "diverged"
