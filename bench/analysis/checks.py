"""What was checked before anything is concluded: passed, not passed, or not checked at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.analysis.words.numbers import ENDINGS, group, listed
from bench.plan.train_plan import field_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bench.analysis.comparison import Comparison
    from bench.analysis.strategy_result import StrategyResult
    from bench.records.flags import FlagCode
    from bench.records.record import Measurement, RunRecord

__all__ = ["Check", "State", "make_checks"]

State = Literal["pass", "warn", "not checked"]

_ENOUGH_SEEDS = 3


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that would make the numbers mean something else."""

    state: State
    asked: str
    found: str


def make_checks(comparison: Comparison) -> tuple[Check, ...]:
    """Make every check, in the order in which a reader would ask; none where there are no records."""
    if not comparison.records:
        return ()
    return tuple(_checks(comparison, [record for record in comparison.records if record.status == "ok"]))


def _checks(comparison: Comparison, done: list[RunRecord]) -> Iterator[Check]:
    measured = [record.measured for record in done if record.measured]
    yield _alike(comparison)
    yield _same_data(measured)
    yield _factors(comparison)
    yield _all_finished(comparison.results)
    yield _seeds(done)
    yield _warmup(measured)
    yield _by_flags(
        "Steady steps", done, ("unsteady-steps", "few-steps"), lambda one: bool(one.step_seconds), "no drift, no levels"
    )
    yield _by_flags(
        "Nothing else on the machine",
        done,
        ("foreign-process", "busy-machine", "cpu-steal", "swap"),
        lambda one: one.host is not None or one.device is not None,
        "no other process, guest or swapping that matters was seen",
    )
    yield _by_flags(
        "No throttling",
        done,
        ("throttled", "clocks-drifted", "power-capped"),
        lambda one: one.device is not None and one.device.throttled_share is not None,
        "the device kept its clock",
    )
    yield _by_flags(
        "Memory peaks seen",
        done,
        ("sampler-gap", "memory-residual", "allocator-retries"),
        lambda one: one.memory.method is not None,
        "peaks are those of the kernel or the allocator, or were sampled without a gap",
    )
    yield _by_flags(
        "Precision as asked for",
        done,
        ("amp-without-effect", "fp16-on-cpu", "bf16-emulated"),
        lambda one: bool(one.compute_dtype),
        f"matmuls ran in {listed(sorted({one.compute_dtype for one in measured})) if measured else 'nothing'}",
    )
    yield _skipped_steps(measured)
    yield _majority(comparison.results)
    yield Check("not checked", "Learning rates", "one rate per strategy was tried; another might favour another")
    yield Check("not checked", "Same against same", "no strategy was run twice to see how much equal runs differ")
    yield Check("not checked", "Frozen weights unchanged", "the records do not say; a test of every strategy does")


def _alike(comparison: Comparison) -> Check:
    asked = "Only the strategy differs"
    if comparison.mismatches:
        fields = listed(one.field for one in comparison.mismatches)
        return Check("warn", asked, f"{fields} {'differs' if len(comparison.mismatches) == 1 else 'differ'} too")
    known = [record.environment is not None for record in comparison.records if record.status == "ok"]
    if not known or not all(known):
        return Check("not checked", asked, "the settings are equal; not every run has recorded its machine")
    return Check("pass", asked, "settings, hardware and versions are the same in all runs")


def _same_data(measured: list[Measurement]) -> Check:
    asked, digests = "Same data, same order", {one.data_digest for one in measured}
    if not digests:
        return Check("not checked", asked, "no run finished")
    if len(digests) > 1:
        return Check("warn", asked, f"{len(digests)} different digests of rows, labels and order")
    return Check("pass", asked, "one digest of rows, labels and order in all runs")


def _factors(comparison: Comparison) -> Check:
    asked, own = "One change per strategy", {one.strategy: _fields(one, comparison) for one in comparison.results}
    several = [f"{strategy} ({', '.join(changes)})" for strategy, changes in own.items() if len(changes) > 1]
    if several:
        return Check("warn", asked, f"more than one in {listed(several)}, so its parts cannot be told apart")
    return Check(
        "pass",
        asked,
        "each differs from training everything in fp32 in one field of the plan at most, but for what all share",
    )


def _fields(result: StrategyResult, comparison: Comparison) -> list[str]:
    """Which fields of the plan differ, without what its strategies say of themselves, by name."""
    said = {term.name for record in result.records for term in record.spec.strategy}.difference(field_rules())
    return [key for key in comparison.own_changes(result) if key not in said]


def _all_finished(results: Iterable[StrategyResult]) -> Check:
    asked = "All runs finished"
    bad = [
        f"{result.strategy} {ENDINGS[next(record.status for record in result.records if record.status != 'ok')]}"
        for result in results
        if len(result.finished) < len(result.records)
    ]
    return (
        Check("warn", asked, listed(bad)) if bad else Check("pass", asked, "none failed, diverged or ran out of memory")
    )


def _seeds(done: list[RunRecord]) -> Check:
    num = len({record.spec.seed for record in done})
    asked, found = "At least 3 seeds", f"{num} seed{'' if num == 1 else 's'} finished"
    if num >= _ENOUGH_SEEDS:
        return Check("pass", asked, found)
    return Check("warn", asked, f"{found}: how runs vary is not known well (--seeds {_ENOUGH_SEEDS})")


def _warmup(measured: list[Measurement]) -> Check:
    asked, nums = "Warm-up left out of steady rates", sorted({one.num_warmup_steps for one in measured})
    if not nums:
        return Check("not checked", asked, "no run finished")
    if not nums[0]:
        return Check("warn", asked, "some runs have no warm-up steps")
    return Check("pass", asked, f"the first {listed(map(str, nums))} steps; the headline's throughput counts all")


def _by_flags(
    asked: str, done: list[RunRecord], codes: tuple[FlagCode, ...], looked: Callable[[Measurement], bool], fine: str
) -> Check:
    """Warn where a run has one of the flags; pass only where every finished run was looked at."""
    found: dict[FlagCode, dict[str, None]] = {}
    for record in done:
        for flag in record.flags:
            if flag.code in codes:
                found.setdefault(flag.code, {})[record.spec.name] = None
    if found:
        names = {record.spec.name for record in done}
        is_told = len(names) > 1
        who = {code: "all strategies" if is_told and len(of) == len(names) else group(of) for code, of in found.items()}
        return Check("warn", asked, listed(f"{of} ({code})" for code, of in who.items()))
    if not done or not all(record.measured and looked(record.measured) for record in done):
        return Check(
            "not checked", asked, "not measured on this device, or by this version" if done else "no run finished"
        )
    return Check("pass", asked, fine)


def _skipped_steps(measured: list[Measurement]) -> Check:
    asked, num = "No skipped steps", sum(one.num_skipped_steps for one in measured)
    if not measured:
        return Check("not checked", asked, "no run finished")
    if num:
        return Check("warn", asked, f"{num} optimizer steps were skipped after an overflow")
    return Check("pass", asked, "every optimizer step was made")


def _majority(results: Iterable[StrategyResult]) -> Check:
    asked = "Better than the majority class"
    known = [result for result in results if result.beats_majority is not None]
    if not known:
        return Check("not checked", asked, "no run finished")
    if poor := [result.strategy for result in known if not result.beats_majority]:
        return Check("warn", asked, f"not shown for {'any strategy' if len(poor) == len(known) > 1 else group(poor)}")
    return Check("pass", asked, f"every interval lies above its {known[0].majority_quality:.1%}")
