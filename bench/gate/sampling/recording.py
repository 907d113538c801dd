"""Records one side, which takes turns with itself, as a baseline."""

from __future__ import annotations

import math
import platform
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from bench.gate.judging.baseline import Baseline, Pair, Process, Recorded
from bench.gate.judging.quality import NUM_LOSSES
from bench.gate.judging.strategy import without
from bench.gate.judging.times import statistics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.gate.judging.judgement import Finding
    from bench.gate.judging.pairs import PairResult, Sample
    from bench.gate.sampling.session import Session

__all__ = ["Recording", "record"]


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded baseline, and what could not be recorded."""

    baseline: Baseline
    """Has the strategies of which every run ended well."""
    failed: Mapping[str, tuple[Finding, ...]]
    """Findings for the other strategies: that nothing was measured, and why."""
    crash: str | None = None
    """How the side ended, where it crashed."""


def record(
    session: Session, work: Mapping[str, str | int | float | None], num_pairs: int, *, has_known_work: bool = False
) -> Recording:
    """Record pairs of a session whose two sides are the same.

    Raises:
        UsageError: the side refuses the request, and the workload is not known to be valid.

    """
    taken = session.record(num_pairs, has_known_work=has_known_work)
    failures = {name: failure for name, pairs in taken.items() for one in pairs for failure in one.failures.values()}
    failed = {
        name: without(name, f"head: {failure}", has_diverged=failure.kind == "diverged")
        for name, failure in failures.items()
    }
    side = session.side("head", [one for pairs in taken.values() for one in pairs])
    where = Path(side.name)
    strategies: dict[str, Recorded] = {}
    for name, pairs in taken.items():
        samples = [sample for one in pairs for sample in (one.samples or ())]
        if name in failed:
            continue
        if all(map(_is_finite, samples)):
            strategies[name] = _recorded(pairs)
        else:
            reason = "head: a loss, an accuracy or a time of its run is no number"
            is_finite = all(math.isfinite(loss) for sample in samples for loss in sample.losses)
            failed[name] = without(name, reason, has_diverged=not is_finite)
    baseline = Baseline(
        recorded=datetime.now(UTC).replace(microsecond=0),
        side=replace(
            side,
            name=where.name if where.is_absolute() else side.name,  # the file may go to other machines
            fingerprint=side.fingerprint | {"host": _host()} if side.fingerprint else {},
        ),
        work=dict(work),
        is_changed=session.is_changed("head"),
        strategies=strategies,
    )
    return Recording(baseline, failed, next((str(failure) for failure in failures.values() if failure.is_crash), None))


def _host() -> str:
    """Return a hash that distinguishes hosts without naming them."""
    return sha256(platform.node().encode()).hexdigest()[:8]


def _is_finite(sample: Sample) -> bool:
    return bool(sample.step_seconds) and all(
        map(math.isfinite, (*sample.step_seconds, *sample.losses, sample.accuracy))
    )


def _recorded(taken: Sequence[PairResult]) -> Recorded:
    pairs = [(one.seed, samples) for one in taken if (samples := one.samples)]
    _, (first, _) = pairs[0]
    return Recorded(
        is_half_precision=first.is_half_precision,
        data_digest=first.data_digest,
        pairs=tuple(Pair(seed=seed, processes=(_process(one), _process(other))) for seed, (one, other) in pairs),
    )


def _process(sample: Sample) -> Process:
    return Process(
        **statistics(sample.step_seconds),
        training_memory_bytes=sample.training_memory_bytes,
        peak_memory_bytes=None,
        accuracy=sample.accuracy,
        losses=sample.losses[:NUM_LOSSES],
    )
