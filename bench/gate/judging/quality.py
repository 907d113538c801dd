"""Judges accuracy and first losses: whether head still learns the same."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bench.gate.judging.judgement import Finding, Verdict
from bench.gate.judging.margins import ACCURACY_MARGIN
from bench.gate.judging.sequential import AnalysisPlan, decide
from bench.gate.judging.times import unmeasured
from bench.gate.judging.words import signed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["NUM_LOSSES", "judge_accuracy", "judge_losses"]

NUM_LOSSES = 20
"""Losses of the first steps that are compared."""
_FEWEST_SEEDS = 4
_TOLERANCE, _HALF_TOLERANCE = 1e-3, 2e-2
"""How far a loss may move with the same seed, relatively: in fp32, and for matmuls in half precision."""


def judge_accuracy(
    benchmark: str, base: Mapping[int, float], head: Mapping[int, float], margin: float = ACCURACY_MARGIN
) -> Finding:
    """Judge the accuracy by seed, as a share: whether head is at most the margin, another share, below base.

    A side that lacks a seed of the other is not measured: a crashed run must not improve the verdict.
    """
    metric = "accuracy"
    if base.keys() != head.keys() or not base:
        missing = sorted(base.keys() ^ head.keys())
        why = f"seeds {', '.join(map(str, missing))} were measured on one side only" if missing else "no seed"
        return unmeasured(benchmark, metric, why)
    pairs = tuple((base[seed], head[seed]) for seed in sorted(base))
    if not all(math.isfinite(share) for pair in pairs for share in pair):
        return unmeasured(benchmark, metric, "an accuracy is not a number")
    if len(pairs) < _FEWEST_SEEDS:
        return unmeasured(benchmark, metric, f"{len(pairs)} seeds, and {_FEWEST_SEEDS} are needed")
    lost = [theirs - ours for theirs, ours in pairs]
    word, look = decide(lost, margin, -margin, AnalysisPlan(looks=(len(pairs),)))
    assert look is not None  # there are as many pairs as the only analysis needs
    change, low, high = -look.estimate, -look.high, -look.low
    seen = f"{signed(metric, change)} ({signed(metric, low)} to {signed(metric, high)})"
    if word is None:
        seen += f"; {len(pairs)} seeds find {look.detectable * 100:.1f} points, the margin is {margin * 100:.1f}"
    return Finding(
        benchmark,
        metric,
        word or "INCONCLUSIVE",
        seen,
        base=sum(theirs for theirs, _ in pairs) / len(pairs),
        head=sum(ours for _, ours in pairs) / len(pairs),
        change=change,
        low=low,
        high=high,
        margin=margin,
        detectable=look.detectable,
        deviation=look.deviation,
        num_pairs=len(pairs),
        pairs=pairs,
    )


def judge_losses(
    benchmark: str, base: Mapping[int, Sequence[float]], head: Mapping[int, Sequence[float]], *, amp: bool = False
) -> Finding:
    """Judge the losses of the first steps by seed: whether both sides compute the same."""
    metric, allowed = "first_losses", _HALF_TOLERANCE if amp else _TOLERANCE
    seeds = sorted(base.keys() & head.keys())
    trajectories = [(seed, base[seed][:NUM_LOSSES], head[seed][:NUM_LOSSES]) for seed in seeds]
    if not trajectories:
        return unmeasured(benchmark, metric, "no seed was run on both sides")
    largest, where = 0.0, ""
    for seed, theirs, ours in trajectories:
        if not theirs or len(theirs) != len(ours):
            why = f"seed {seed} has {len(theirs)} first losses of base and {len(ours)} of head"
            return unmeasured(benchmark, metric, why)
        for step, (before, after) in enumerate(zip(theirs, ours, strict=True), start=1):
            if not math.isfinite(before):
                why = f"the loss of base is not a number at step {step} of seed {seed}"
                return unmeasured(benchmark, metric, why)
            moved = abs(after - before) / max(abs(before), 1e-12)
            if not math.isfinite(after):
                reason = f"the loss of head became {after} at step {step} of seed {seed}"
                return Finding(benchmark, metric, "FAIL", reason, margin=allowed)
            if moved > largest:
                largest, where = moved, f" at step {step} of seed {seed}"
    verdict: Verdict = "FAIL" if largest > allowed else "PASS"
    return Finding(
        benchmark,
        metric,
        verdict,
        f"the losses of the first steps move by {largest:.1e}{where}; {allowed:.0e} is allowed",
        base=0.0,
        head=largest,
        margin=allowed,
        num_pairs=len(seeds),
    )
