"""Judges peaks of memory: they are nearly the same in every process, so that a few suffice and no noise is assumed."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from bench.gate.judging.judgement import Finding, Verdict
from bench.gate.judging.margins import MEMORY_MARGIN
from bench.gate.judging.times import unmeasured
from bench.gate.judging.words import percent
from bench.records.metrics import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["judge_memory"]

_FEWEST = 2
"""The fewest processes per side, which must agree."""
_LEAST_BYTES = 8 * 2**20
"""A smaller difference is within the margin, whatever share of base it is."""


def judge_memory(
    benchmark: str,
    base: Iterable[float | None],
    head: Iterable[float | None],
    margin: float = MEMORY_MARGIN,
    metric: str = "training_memory_bytes",
) -> Finding:
    """Judge the peaks of several processes per side, in bytes, where they are known; `margin` is a share of base.

    Red or improved where the medians differ by more than the margin and every process of one side
    is above every process of the other. Green where they differ by less and the processes of each
    side agree within the margin; else inconclusive.
    """
    base, head = ([peak for peak in side if peak is not None] for side in (base, head))
    if not base or not head:
        side = "head" if base else "base"
        why = f"{side} measured no peak above what was there before the model, as versions of before do not on a CPU"
        return unmeasured(benchmark, metric, why)
    if min(*base, *head) <= 0:
        return unmeasured(benchmark, metric, "a peak is not above zero")
    ours, theirs = median(head), median(base)
    spread = max((max(side) - min(side)) / min(side) for side in (base, head))
    verdict = _verdict(base, head, margin)
    amount = f"{format_bytes(abs(ours - theirs))} {'more' if ours >= theirs else 'less'}"
    seen = f"{amount}, {percent(abs(ours / theirs - 1))} of base"
    if verdict == "INCONCLUSIVE":
        few = min(len(base), len(head)) < _FEWEST
        why = (
            f"{_FEWEST} processes per side must agree" if few else f"processes of one side differ by {percent(spread)}"
        )
        seen = f"{seen}; {why}"
    return Finding(
        benchmark,
        metric,
        verdict,
        seen,
        base=theirs,
        head=ours,
        change=ours / theirs - 1,
        low=min(head) / max(base) - 1,
        high=max(head) / min(base) - 1,
        margin=margin,
        detectable=max(margin, _LEAST_BYTES / theirs, spread),
        num_pairs=min(len(base), len(head)),
        pairs=tuple(zip(map(float, base), map(float, head), strict=False)),
    )


def _verdict(base: Sequence[float], head: Sequence[float], margin: float) -> Verdict:
    ours, theirs = median(head), median(base)
    if min(len(base), len(head)) < _FEWEST:
        return "INCONCLUSIVE"
    if _exceeds(theirs, ours, margin):
        return "FAIL" if min(head) > max(base) else "INCONCLUSIVE"
    if _exceeds(ours, theirs, margin):
        return "IMPROVED" if max(head) < min(base) else "INCONCLUSIVE"
    if any(_exceeds(min(side), max(side), margin) for side in (base, head)):
        return "INCONCLUSIVE"
    return "WARN" if _exceeds(theirs, ours, margin, part=0.5) and min(head) > max(base) else "PASS"


def _exceeds(base: float, head: float, margin: float, part: float = 1.0) -> bool:
    """Whether head uses more than base plus `part` of the margin, as a share and in bytes."""
    return head > base * (1 + part * margin) and head - base > part * _LEAST_BYTES
