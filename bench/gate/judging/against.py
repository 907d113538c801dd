"""Judges two baselines, head against base, that were recorded at different times.

Memory, accuracy and first losses hardly depend on the time of recording and are always judged. Step
times do: they are judged only where both were recorded on one machine with the same versions, and
single processes agree so well that no pairing is needed. Elsewhere a recorded time only shows a trend.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bench.gate.judging.judgement import GATED, Finding, Judgement
from bench.gate.judging.memory import judge_memory
from bench.gate.judging.noise import noise_of
from bench.gate.judging.strategy import MEMORY, judge_learning, without
from bench.gate.judging.times import TIME_METRICS, time_findings, without_rerun
from bench.gate.judging.words import percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bench.gate.judging.baseline import Baseline, Pair, Recorded
    from bench.gate.judging.margins import Margins

__all__ = ["MOST_NOISE", "differences_of_work", "judge_baselines", "too_noisy"]

MOST_NOISE = 0.01
"""The largest standard deviation of single processes at which times of different hours are compared."""
_FEWEST_PAIRS = 2


def judge_baselines(
    base: Baseline, head: Baseline, margins: Margins, failed: Mapping[str, tuple[Finding, ...]] | None = None
) -> Judgement:
    """Judge every strategy that either has; `failed` has findings for those that head could not record."""
    work = differences_of_work(base.work, head.work)
    machine = _differences(base.side.fingerprint, head.side.fingerprint)
    device = _differences(*({"device": one.side.fingerprint.get("device")} for one in (base, head)))
    warnings = [f"Step times are not judged: {machine}."] if machine and head.strategies else []
    warnings += [
        f"Files of {name} differ from its commit." for name, one in (("base", base), ("head", head)) if one.is_changed
    ]
    findings: list[Finding] = []
    for name in dict.fromkeys([*base.strategies, *head.strategies, *(failed or {})]):
        before, after = base.strategies.get(name), head.strategies.get(name)
        if before and failed and name in failed:
            findings += failed[name]
        elif before is None or after is None:
            findings += without(name, f"{'base' if before is None else 'head'} did not record it")
        elif work:
            findings += without(name, f"not the same work: {work}")
        elif device:
            findings += without(name, f"not the same device: {device}")
        elif before.data_digest != after.data_digest:
            findings += without(name, "the rows are not those of base")
        else:
            timed = [] if machine else [metric for metric in TIME_METRICS if not too_noisy(before, metric)]
            left_out = [] if machine else [metric for metric in TIME_METRICS if metric not in timed]
            warnings += [
                f"{name}, {GATED[metric].label}: not judged: {_noise('base', before, metric)}." for metric in left_out
            ]
            findings += _judge(name, before, after, margins.of(name), timed)
    return Judgement(tuple(findings), base.side, head.side, tuple(warnings))


def too_noisy(recorded: Recorded, metric: str) -> bool:
    """Whether single processes differ too much for comparing recorded times."""
    return noise_of(recorded, metric).between_processes > MOST_NOISE


def differences_of_work(base: Mapping[str, object], head: Mapping[str, object]) -> str:
    """Describe how the workloads of two baselines differ, strategies aside; empty where they do not."""
    return _differences(base, head, skip=("strategies",))


def _differences(base: Mapping[str, object], head: Mapping[str, object], skip: Iterable[str] = ()) -> str:
    """Describe how two mappings differ; empty where they do not."""
    names = [name for name in dict.fromkeys([*base, *head]) if name not in skip and base.get(name) != head.get(name)]
    return "; ".join(
        f"{name} is {base.get(name, 'unknown')} in base and {head.get(name, 'unknown')} in head" for name in names
    )


def _noise(side: str, recorded: Recorded, metric: str) -> str:
    seen = percent(noise_of(recorded, metric).between_processes)
    return f"single processes of {side} differ by {seen}, and a stored time needs {percent(MOST_NOISE)} or less"


def _judge(
    name: str, base: Recorded, head: Recorded, margins: Mapping[str, float], timed: Iterable[str]
) -> tuple[Finding, ...]:
    """Judge one strategy by the pairs that both recordings have: head may have fewer than base."""
    befores, afters = ({pair.seed: pair for pair in side.pairs} for side in (base, head))
    seeds = [seed for seed in befores if seed in afters]
    if len(seeds) < _FEWEST_PAIRS:
        return without(name, "base and head share no seeds")
    theirs, ours = ({seed: side[seed].processes[0] for seed in seeds} for side in (befores, afters))
    before, after = ([process.training_memory_bytes for process in side.processes] for side in (base, head))
    rule = without_rerun(margins, len(seeds))
    times = {
        metric: tuple((_time(befores[seed], metric), _time(afters[seed], metric)) for seed in seeds) for metric in timed
    }
    return (
        # A head that only became noisier must not get a better verdict for it.
        *(
            Finding(name, metric, "INCONCLUSIVE", _noise("head", head, metric), num_pairs=len(seeds))
            if too_noisy(head, metric)
            else time_findings(name, metric, values, (), rule)
            for metric, values in times.items()
        ),
        judge_memory(name, before, after, margins[MEMORY]),
        *judge_learning(name, theirs, ours, margins, is_half=base.is_half_precision or head.is_half_precision),
    )


def _time(pair: Pair, metric: str) -> float:
    """Return the geometric mean of the two processes, in seconds."""
    return math.sqrt(math.prod(getattr(process, metric) for process in pair.processes))
