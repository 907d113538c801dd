"""One strategy under a budget: whether it fits, and if not, what speaks against it and how that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.analysis.deployment import on_gpu
from bench.analysis.words.numbers import ENDINGS
from bench.analysis.words.resolution import beyond_chance
from bench.recommending.bounds import Finding, findings, memory_limit
from bench.records.metrics import format_bytes

if TYPE_CHECKING:
    from bench.analysis.comparison import Comparison
    from bench.analysis.strategy_result import StrategyResult
    from bench.experiment.budget import Budget
    from bench.records.record import RunRecord

__all__ = ["Basis", "Judged", "judge"]

Standing = Literal["fits", "open", "out"]
"""It keeps to every bound; that is not settled; it does not."""

Basis = Literal["measured", "forecast", "not measured"]
"""Whether a strategy's runs say so; what was known of it before any run; or nobody."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One strategy under a budget."""

    result: StrategyResult
    standing: Standing
    findings: tuple[Finding, ...] = ()
    """By bound; empty where no run finished."""
    obstacle: str = ""
    """What speaks against it beside the bounds, to follow its name: "ran out of memory: ..."; empty where nothing does."""
    remedy: str = ""
    """What would remove the obstacle, as a sentence; empty where nothing is known to."""
    basis: Basis = "measured"

    @property
    def strategy(self) -> str:
        """Its name."""
        return self.result.strategy

    @property
    def beyond(self) -> tuple[Finding, ...]:
        """The bounds that it is shown to break."""
        return tuple(finding for finding in self.findings if finding.verdict == "beyond")

    @property
    def open(self) -> tuple[Finding, ...]:
        """The bounds that are not settled."""
        return tuple(finding for finding in self.findings if finding.verdict == "open")


def judge(result: StrategyResult, comparison: Comparison, budget: Budget) -> Judged:
    """Judge a strategy by every bound; one that failed, is in doubt or is not shown to have learnt fits none."""
    bad = [run for run in result.records if run.status != "ok"]
    failed = [run for run in bad if run.status != "interrupted"]
    if failed or not result.finished:
        return _unfinished(result, (failed or bad)[0], len(failed or bad), budget)
    if result.strategy not in comparison.ranking.names:
        why = "; ".join(f"{flag.code}: {' '.join(flag.message.split())}" for flag in result.doubts)
        remedy = "Measure again, or judge it all the same (--rank-suspect)."
        return Judged(result, "open", obstacle=f"is in doubt ({why})", remedy=remedy)
    found = tuple(findings(result, budget))
    verdicts = {finding.verdict for finding in found}
    learnt = result.beats_majority is not False
    standing: Standing = "out" if "beyond" in verdicts else "fits" if learnt and "open" not in verdicts else "open"
    if learnt:
        return Judged(result, standing, found)
    why = f"is not shown to beat the majority class ({result.majority_quality:.1%})"
    return Judged(result, standing, found, why, beyond_chance(result))


def _unfinished(result: StrategyResult, run: RunRecord, num_bad: int, budget: Budget) -> Judged:
    """Judge a strategy of which a run did not finish; `run` is the first."""
    share = f" for {num_bad} of {len(result.records)} seeds" if result.finished else ""
    why = f": {' '.join(run.reason.split()).rstrip('.')}" if run.reason else ""
    said = f"{ENDINGS[run.status]}{share}{why}"
    if run.status == "interrupted":
        return Judged(result, "open", obstacle=said, remedy="Go on with it (--resume).", basis="not measured")
    if run.status == "skipped":
        return _skipped(result, run, said, budget)
    if more := _more_allowed(run, budget):
        return Judged(result, "open", obstacle=f"{said}; {more}")
    return Judged(result, "out", obstacle=said)


def _skipped(result: StrategyResult, run: RunRecord, said: str, budget: Budget) -> Judged:
    """Judge a strategy that was never run by what was forecast for it, if anything was."""
    if run.forecast is None:
        return Judged(result, "out", obstacle=said, basis="not measured")
    low, high = run.forecast.peak_bytes
    said += f"; {' to '.join(dict.fromkeys(map(format_bytes, (low, high))))} of memory are expected"
    may_fit = budget.memory is not None and low <= memory_limit(result, budget.memory)
    return Judged(result, "open" if may_fit else "out", obstacle=said, basis="forecast")


def _more_allowed(run: RunRecord, budget: Budget) -> str:
    """Say where the budget allows more than a run had that ended for want of it; empty where it does not."""
    if run.status == "oom" and budget.memory is not None and run.environment:
        where = run.environment
        had = where.device_memory_bytes if on_gpu(run) else where.host_memory_bytes
        if had is not None and had < budget.memory:
            return "the budget allows more memory than that machine has"
    if run.status == "timeout" and budget.max_time is not None and run.wall_seconds < budget.max_time:
        return "the budget allows more time than it was given"
    return ""
