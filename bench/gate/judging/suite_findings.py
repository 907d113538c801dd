"""Findings of a suite: one per benchmark and metric, and one for the suite as a whole."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import special, stats

from bench.analysis.power import POWER
from bench.gate.judging.sequential import InterimAnalysis
from bench.gate.judging.suite_sequential import FAIL, IMPROVED, OPEN, PASS, Decided, SuiteAnalysis
from bench.gate.judging.times import finding_of, in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bench.gate.judging.judgement import Finding, Verdict

    Array = NDArray[np.float64]

__all__ = ["HOW_TO_MEASURE", "MOST_WARNED", "SUITE", "Measured", "suite_findings"]

SUITE = "the suite as a whole"
MOST_WARNED = 5
_RATE = 0.1
"""False-discovery rate of the warnings that are shown."""

HOW_TO_MEASURE = (
    "Base and head were not measured in turns, so that a slower hour of the machine looks like a slower head: no time is "
    "red. Run base, head, base, head, ... with one file a process, or let bench do it: "
    'bench gate --run "pytest benchmarks --benchmark-json={out}" --base REF --head REF.'
)

_WORDS: dict[int, Verdict] = {OPEN: "INCONCLUSIVE", PASS: "PASS", IMPROVED: "IMPROVED", FAIL: "FAIL"}


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One metric of several benchmarks."""

    metric: str
    names: tuple[str, ...]
    logs: Array
    """(processes, benchmarks): logarithms of seconds, in the order of recording."""
    margins: tuple[float, ...]
    """The margin of each benchmark, as a share."""
    suite_margin: float


def suite_findings(
    measured: Sequence[Measured], is_head: Sequence[bool], decided: Decided, *, in_turns: bool
) -> tuple[list[Finding], list[str]]:
    """Return a finding per metric and benchmark, then those of the suite, and notes.

    A warning is a change of half the margin or more that is not red. At most five are shown, the largest of those
    that pass a false-discovery rate of 10 %; the others are counted.
    """
    head = np.asarray(is_head, dtype=bool)
    found: list[Finding] = []
    chances: list[float] = []
    for index, one in enumerate(measured):
        seen = [_of_benchmarks(look, index, decided.level) for look in decided.looks]
        for place, (name, margin) in enumerate(zip(one.names, one.margins, strict=True)):
            at, code = seen[decided.decided_at[index][place]], int(decided.codes[index][place])
            found.append(_finding(name, one.metric, code, at, place, margin=margin, logs=one.logs[:, place], head=head))
            chances.append(float(at.chances[place]))
    for index, one in enumerate(measured if len(measured[0].names) > 1 else ()):
        look, code = decided.looks[int(decided.suite_decided_at[index][0])], int(decided.suite_codes[index][0])
        at = _of_suite(look, index, decided.level)
        found.append(
            _finding(SUITE, one.metric, code, at, 0, margin=one.suite_margin, logs=one.logs.mean(1), head=head)
        )
        chances.append(float(at.chances[0]))
    is_real = stats.false_discovery_control(chances) <= _RATE
    suspects = [place for place, one in enumerate(found) if _is_suspect(one, in_turns=in_turns)]
    real = sorted((place for place in suspects if is_real[place]), key=lambda place: -(found[place].change or 0.0))
    for place in suspects:
        found[place] = _as_warning(found[place], is_shown=place in real[:MOST_WARNED])
    said = []
    if more := len(suspects) - len(real[:MOST_WARNED]):
        said.append(
            f"{more} more measurement{'s look' if more > 1 else ' looks'} slower by half of the margin or more, "
            "which is not certain among so many."
        )
    return found, said


def _is_suspect(finding: Finding, *, in_turns: bool) -> bool:
    """Whether a finding is to become a warning, if it may."""
    if finding.verdict == "FAIL":
        return not in_turns
    slow = math.sqrt(1 + (finding.margin or 0.0)) - 1  # half of the margin on the logarithmic scale
    return finding.verdict == "PASS" and (finding.change or 0.0) >= slow


def _as_warning(finding: Finding, *, is_shown: bool) -> Finding:
    if finding.verdict == "FAIL":
        reason = f"{finding.reason}; but base and head were not measured in turns"
        return replace(finding, verdict="WARN" if is_shown else "INCONCLUSIVE", reason=reason)
    reason = finding.reason.replace("surely less than", "probably slower, by less than")
    return replace(finding, verdict="WARN", reason=reason) if is_shown else finding


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """One metric at one interim analysis, by benchmark, or of the suite as a whole, (1,)."""

    num_files: int
    num_compared: int
    change: Array
    error: Array
    certain: tuple[Array, Array]
    """Lower and upper bounds that hold for all benchmarks at once."""
    plain: tuple[Array, Array]
    """Bounds of each benchmark alone, at the level of a wrong green."""
    detectable: Array
    chances: Array
    """The p-value of each benchmark alone for being slower."""


def _of_benchmarks(look: SuiteAnalysis, index: int, level: float) -> _Seen:
    shown = look.shown[index]
    distance = shown.common_bound(look.slower.common_level) + shown.own_error * special.stdtrit(
        shown.own_degrees, 1 - look.slower.levels[index]
    )
    by_itself = special.stdtrit(shown.degrees, 1 - level) * shown.error
    return _Seen(
        look.num_files,
        sum(len(levels) for levels in look.slower.levels),
        shown.change,
        shown.error,
        (look.slower.low(index, shown), -look.faster.low(index, shown)),
        (shown.change - by_itself, shown.change + by_itself),
        distance + special.stdtrit(shown.degrees, POWER) * shown.error,
        shown.chance(0.0),
    )


def _of_suite(look: SuiteAnalysis, index: int, level: float) -> _Seen:
    shown = look.shown[index]
    change, error, degrees = shown.common, shown.common_error, shown.common_degrees
    certain, plain = (special.stdtrit(degrees, 1 - each) * error for each in (look.slower.common_level, level))
    return _Seen(
        look.num_files,
        1,
        change,
        error,
        (change - certain, change + certain),
        (change - plain, change + plain),
        certain + special.stdtrit(degrees, POWER) * error,
        np.asarray(special.stdtr(degrees, -change / error)),
    )


def _finding(
    name: str,
    metric: str,
    code: int,
    seen: _Seen,
    place: int,
    *,
    margin: float,
    logs: Array,
    head: NDArray[np.bool_],
) -> Finding:
    """Return the finding of one benchmark, whose logarithms by process are `logs`."""
    ends = seen.plain[0], seen.certain[1]  # a faster head must be so for all benchmarks at once, as a slower one must
    low, high = ends if code == IMPROVED else (seen.certain[0], seen.plain[1])
    look = InterimAnalysis(
        seen.num_files,
        float(seen.change[place]),
        float(low[place]),
        float(high[place]),
        float(seen.error[place]) * math.sqrt(seen.num_files),
        float(seen.detectable[place]),
    )
    word = _WORDS[code]
    reason = in_words(word, look, margin, unit="files a side")
    if seen.num_compared > 1 and word in {"FAIL", "INCONCLUSIVE"}:
        reason += f" (corrected for {seen.num_compared} comparisons)"
    befores, afters = np.exp(logs[~head]), np.exp(logs[head])
    return finding_of(
        name,
        metric,
        word,
        reason,
        look,
        margin=margin,
        base=float(np.exp(np.log(befores).mean())),
        head=float(np.exp(np.log(afters).mean())),
        pairs=tuple(zip(befores.tolist(), afters.tolist(), strict=False)),
        file=None if name == SUITE else name.partition("::")[0],
    )
