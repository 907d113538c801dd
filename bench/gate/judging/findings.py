"""A decided suite in words: one finding a benchmark and metric, and one of the suite as a whole."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from bench.gate.judge import in_words
from bench.gate.judging.looks import FAIL, IMPROVED, OPEN, PASS, Decided
from bench.gate.judging.suite import passing_rate
from bench.gate.looks import Look
from bench.gate.verdict import Finding, Word
from bench.power import POWER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["HOW_TO_MEASURE", "MOST_WARNED", "SUITE", "Measured", "suite_findings"]

SUITE = "the suite as a whole"
MOST_WARNED = 5
_RATE = 0.1
"""Of false warnings among those that are shown."""

HOW_TO_MEASURE = (
    "Base and head were not measured in turns, so that a slower hour of the machine looks like a slower head: no time is "
    "red. Run base, head, base, head, ... with one file a process, or let bench do it: "
    'bench gate --run "pytest benchmarks --benchmark-json={out}" --base REF --head REF.'
)

_WORDS: dict[int, Word] = {OPEN: "INCONCLUSIVE", PASS: "PASS", IMPROVED: "IMPROVED", FAIL: "FAIL"}


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One metric of several benchmarks."""

    metric: str
    names: tuple[str, ...]
    logs: Array
    """(processes, benchmarks): logarithms of seconds, in the order of recording."""
    margins: tuple[float, ...]
    """By benchmark, as a share."""
    suite_margin: float


def suite_findings(
    measured: Sequence[Measured], is_head: Sequence[bool], decided: Decided, *, in_turns: bool
) -> tuple[list[Finding], list[str]]:
    """Write what was decided, and what is to be said beside it: a finding a metric and benchmark, then those of the suite.

    A warning is an effect of half the margin or more that is not red. At most five are shown, those that are largest
    among what passes a false-discovery rate of 10 %; the others are counted.
    """
    head = np.asarray(is_head, dtype=bool)
    found = [
        _finding(one, index, place, decided, head)
        for index, one in enumerate(measured)
        for place in range(len(one.names))
    ]
    chances = np.concatenate([_chances(decided, index) for index in range(len(measured))])
    is_real = passing_rate(chances, _RATE)
    suspects = [place for place, one in enumerate(found) if _is_suspect(one, in_turns=in_turns)]
    real = sorted((place for place in suspects if is_real[place]), key=lambda place: -(found[place].change or 0.0))
    for place in suspects:
        found[place] = _as_warning(found[place], is_shown=place in real[:MOST_WARNED], in_turns=in_turns)
    said = []
    if more := len(suspects) - len(real[:MOST_WARNED]):
        said.append(
            f"{more} more measurement{'s look' if more > 1 else ' looks'} slower by half of the margin or more, "
            "which is not certain among so many."
        )
    if len(measured[0].names) > 1:
        whole = [_suite_finding(one, index, decided, head) for index, one in enumerate(measured)]
        found += [
            _as_warning(one, is_shown=True, in_turns=in_turns) if _is_suspect(one, in_turns=in_turns) else one
            for one in whole
        ]
    return found, said


def _is_suspect(finding: Finding, *, in_turns: bool) -> bool:
    """Whether a finding is to be a warning, if it may be one."""
    if finding.verdict == "FAIL":
        return not in_turns
    slow = math.sqrt(1 + (finding.margin or 0.0)) - 1  # half of the margin, as logarithms have it
    return finding.verdict == "PASS" and (finding.change or 0.0) >= slow


def _as_warning(finding: Finding, *, is_shown: bool, in_turns: bool) -> Finding:
    if not in_turns and finding.verdict == "FAIL":
        reason = f"{finding.reason}; but base and head were not measured in turns"
        return replace(finding, verdict="WARN" if is_shown else "INCONCLUSIVE", reason=reason)
    return replace(finding, verdict="WARN") if is_shown else finding


def _chances(decided: Decided, index: int) -> Array:
    """Of looking as slow as that where nothing changed, at the look that decided."""
    looks = np.stack([look.shown[index].chance(0.0) for look in decided.looks])
    chances: Array = np.take_along_axis(looks, decided.decided_at[index][None].astype(int), 0)[0]
    return chances


def _finding(one: Measured, index: int, place: int, decided: Decided, head: NDArray[np.bool_]) -> Finding:
    looked = decided.looks[int(decided.decided_at[index][place])]
    shown = looked.shown[index]
    code, degrees = int(decided.codes[index][place]), float(shown.own_degrees[0])
    sign = -1 if code == IMPROVED else 1
    bounds = looked.faster if sign < 0 else looked.slower
    certain = float(bounds.low(index, shown)[place]) * sign
    level = float(bounds.levels[index][place])
    error, all_degrees = float(shown.error[place]), float(shown.degrees[place])
    seen = Look(
        looked.num_files,
        float(shown.change[place]),
        certain if sign > 0 else _plain(shown.change[place], error, all_degrees, -1, decided),
        certain if sign < 0 else _plain(shown.change[place], error, all_degrees, 1, decided),
        error * math.sqrt(looked.num_files),
        float(
            shown.common_bound(bounds.common_level)[0]
            + special.stdtrit(degrees, 1 - level) * shown.own_error[place]
            + special.stdtrit(all_degrees, POWER) * error
        ),
    )
    num = sum(len(levels) for levels in looked.slower.levels)
    logs = one.logs[:, place]
    return _written(
        one.names[place], one, code, seen, margin=one.margins[place], logs=logs, head=head, num_compared=num
    )


def _suite_finding(one: Measured, index: int, decided: Decided, head: NDArray[np.bool_]) -> Finding:
    looked = decided.looks[int(decided.suite_decided_at[index][0])]
    shown, code = looked.shown[index], int(decided.suite_codes[index][0])
    change, error, degrees = float(shown.common[0]), float(shown.common_error[0]), float(shown.common_degrees)
    certain = float(special.stdtrit(degrees, 1 - looked.slower.common_level)) * error
    sign = -1 if code == IMPROVED else 1
    seen = Look(
        looked.num_files,
        change,
        change - certain if sign > 0 else _plain(change, error, degrees, -1, decided),
        change + certain if sign < 0 else _plain(change, error, degrees, 1, decided),
        error * math.sqrt(looked.num_files),
        certain + float(special.stdtrit(degrees, POWER)) * error,
    )
    return _written(SUITE, one, code, seen, margin=one.suite_margin, logs=one.logs.mean(1), head=head, num_compared=1)


def _plain(change: float, error: float, degrees: float, sign: int, decided: Decided) -> float:
    """Bound one change by itself: what a wrong green is allowed."""
    return float(change + sign * special.stdtrit(degrees, 1 - decided.level) * error)


def _written(
    name: str,
    one: Measured,
    code: int,
    seen: Look,
    *,
    margin: float,
    logs: Array,
    head: NDArray[np.bool_],
    num_compared: int,
) -> Finding:
    word = _WORDS[code]
    reason = in_words(word, seen, margin, unit="files a side")
    if num_compared > 1 and word in {"FAIL", "INCONCLUSIVE"}:
        reason += f" (corrected for {num_compared} comparisons)"
    befores, afters = np.exp(logs[~head]), np.exp(logs[head])
    return Finding(
        name,
        one.metric,
        word,
        reason,
        base=float(np.exp(np.log(befores).mean())),
        head=float(np.exp(np.log(afters).mean())),
        change=_expm1(seen.estimate),
        low=math.expm1(seen.low),
        high=_expm1(seen.high),
        margin=margin,
        detectable=_expm1(seen.detectable),
        deviation=seen.deviation,
        num_pairs=seen.num_pairs,
        pairs=tuple(zip(befores.tolist(), afters.tolist(), strict=False)),
        file=None if name == SUITE else name.partition("::")[0],
    )


def _expm1(value: float) -> float:
    return math.expm1(min(value, 700.0))
