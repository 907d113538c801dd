"""Judges files of pytest-benchmark, base against head: one file is one process, and so one sample.

However many rounds a file has, they are of a single process and show nothing of how processes differ.
There is no rerun, so red needs far more certainty than green, over the whole suite. A benchmark that a
file lacks (deleted, renamed, skipped, disabled, failed) is not measured, and never green; one that only
head has is new, and never red.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bench.analysis.words.numbers import listed
from bench.errors import UsageError
from bench.gate.judging.benchmark_files import read_file, refuse_copies
from bench.gate.judging.judgement import FILE_METRICS, Finding, Judgement, Side
from bench.gate.judging.margins import Margins, matches
from bench.gate.judging.memory import judge_memory
from bench.gate.judging.suite_findings import HOW_TO_MEASURE, Measured, suite_findings
from bench.gate.judging.suite_sequential import Decided, decide_suite, suite_plan
from bench.gate.judging.times import unmeasured
from bench.gate.judging.turns import are_in_turns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.gate.judging.benchmark_files import BenchmarkFile, Sample
    from bench.gate.judging.sequential import AnalysisPlan

__all__ = ["Suite", "differences_of_machines", "judge_benchmarks", "judge_suite", "read_suite"]

_SHORTEST = 2
"""The fewest processes of a side for an interval."""
_MEMORY = "peak_memory_bytes"


@dataclass(frozen=True, slots=True)
class Suite:
    """The files of both sides."""

    files: tuple[BenchmarkFile, ...]
    """The files in the order of recording, those without a time last."""
    is_head: tuple[bool, ...]

    def side(self, *, head: bool) -> list[BenchmarkFile]:
        """Return the files of one side."""
        return [file for file, of_head in zip(self.files, self.is_head, strict=True) if of_head == head]


def read_suite(base: Sequence[Path], head: Sequence[Path]) -> Suite:
    """Read the files of both sides.

    Raises:
        UsageError: a file cannot be opened, a measurement is given twice, or a side has no files.

    """
    if not base or not head:
        raise UsageError(f"{len(base)} files of base and {len(head)} of head: give as many of each, recorded in turns")
    refuse_copies([*base, *head])
    # The sides may have run at the same time, so that files of one moment belong together.
    placed = [
        (file.recorded is None, file.recorded and file.recorded.timestamp(), number, of_head, file)
        for of_head, side in ((False, base), (True, head))
        for number, file in enumerate(map(read_file, side))
    ]
    placed.sort(key=lambda one: (one[0], one[1] or 0.0, one[2], one[3]))
    suite = Suite(tuple(file for *_, file in placed), tuple(of_head for *_, of_head, _ in placed))
    if len(base) != len(head) and not are_in_turns(suite.is_head):
        raise UsageError(
            f"{len(base)} files of base and {len(head)} of head, not in turns: give as many of each, recorded in turns"
        )
    return suite


def judge_benchmarks(base: Sequence[Path], head: Sequence[Path], margins: Margins | None = None) -> Judgement:
    """Judge every benchmark of any file.

    Raises:
        UsageError: a file cannot be opened, a measurement is given twice, or the sides cannot be compared.

    """
    return judge_suite(read_suite(base, head), margins or Margins())[0]


def judge_suite(suite: Suite, margins: Margins, plan: AnalysisPlan | None = None) -> tuple[Judgement, Decided | None]:
    """Judge a suite, by default at all of its files; the second value is what was decided about times, which shows whether more files could help."""
    findings: dict[str, list[Finding]] = {}
    measured: list[str] = []
    machines = differences_of_machines([file for file in suite.files if not file.fault])
    for name in dict.fromkeys(name for file in suite.files for name in file.benchmarks):
        findings[name] = _left_out(name, suite, margins) or [
            unmeasured(name, metric, fault)
            for fault in [_fault(name, suite) or machines]
            if fault
            for metric in FILE_METRICS
        ]
        measured += [] if findings[name] else [name]
    warnings = [f"{file.name}: {file.fault}." for file in suite.files if file.fault]
    every: list[Finding] = []
    decided = None
    if measured:
        plan = plan or suite_plan([min(len(suite.side(head=head)) for head in (False, True))])
        found, decided, said = _judge(measured, suite, margins, plan)
        warnings += said
        for one in found:
            findings.setdefault(one.benchmark, []).append(one)
    for name, group in findings.items():
        place = name.partition("::")[0] if "::" in name else None
        every += [replace(one, file=one.file or place) for one in group]
    base, head = (_side(suite.side(head=of_head)) for of_head in (False, True))
    return Judgement(tuple(every), base, head, tuple(warnings)), decided


def _judge(
    names: Sequence[str], suite: Suite, margins: Margins, plan: AnalysisPlan
) -> tuple[list[Finding], Decided | None, list[str]]:
    """Judge the times of benchmarks that all files have, and the memory of those for which all files have it."""
    limits = {name: margins.of_benchmark(name) for name in names}
    times = [
        Measured(
            metric,
            tuple(names),
            np.log([[getattr(file.benchmarks[name], stat) for name in names] for file in suite.files]),
            tuple(limits[name][metric] for name in names),
            margins.default,
        )
        for metric, stat in zip(FILE_METRICS, ("median", "mean"), strict=True)
    ]
    samples = {name: [file.benchmarks[name] for file in suite.files] for name in names}
    sized = [
        name
        for name, them in samples.items()
        if all(one.peak_bytes is not None for one in them) and len({one.peak_name for one in them}) == 1
    ]
    logs = [one.logs for one in times]
    worse = [np.log1p(one.margins) for one in times]
    if sized:
        logs.append(np.log([[file.benchmarks[name].peak_bytes or 1.0 for name in sized] for file in suite.files]))
        worse.append(np.log1p([limits[name][_MEMORY] for name in sized]))
    decided = decide_suite(logs, suite.is_head, worse, [float(np.log1p(margins.default))] * len(logs), plan)
    if decided is None:
        fewest = f"the first look needs {plan.looks[0]} files a side"
        return [unmeasured(name, metric, fewest) for name in names for metric in FILE_METRICS], None, []
    in_turns = are_in_turns(suite.is_head)
    found, said = suite_findings(times, suite.is_head, decided, in_turns=in_turns)
    for name in names:
        if name in sized:
            found.append(_memory(name, samples[name], suite, limits[name][_MEMORY], (decided, sized.index(name))))
        elif why := _no_peaks(samples[name]):
            found.append(unmeasured(name, _MEMORY, why))
    return found, decided, [*([] if in_turns else [HOW_TO_MEASURE]), *said]


def _memory(name: str, samples: Sequence[Sample], suite: Suite, margin: float, decided: tuple[Decided, int]) -> Finding:
    """Judge peaks of memory; red must be certain at some interim analysis, too. `decided` is that and the place in it."""
    base, head = (
        [one.peak_bytes or 0.0 for one, of_head in zip(samples, suite.is_head, strict=True) if of_head == of_side]
        for of_side in (False, True)
    )
    found = judge_memory(name, base, head, margin, samples[0].peak_name)
    looks, place = decided[0].looks, decided[1]
    if found.verdict != "FAIL" or any(look.slower.is_slower[-1][place] for look in looks):
        return found
    num = sum(len(levels) for levels in looks[-1].slower.levels)
    reason = f"{found.reason}; which is not certain, corrected for {num} comparisons"
    return replace(found, verdict="INCONCLUSIVE", reason=reason)


def _no_peaks(samples: Sequence[Sample]) -> str | None:
    """Return why the memory of a benchmark is not judged; None where no file has any."""
    names = sorted({one.peak_name for one in samples if one.peak_bytes is not None})
    if fault := next((one.peak_fault for one in samples if one.peak_fault), None):
        return fault
    if len(names) > 1:
        return f"some files have {names[0]} in extra_info and others {names[-1]}, which are unlike"
    return f"not every file has {names[0]} in extra_info" if names else None


def _left_out(name: str, suite: Suite, margins: Margins) -> list[Finding]:
    """Return the findings for a benchmark that only one side has: new, or may be missing; none for any other."""
    if any(file.fault for file in suite.files):
        return []
    has = [[name in file.benchmarks for file in suite.side(head=head)] for head in (False, True)]
    if all(has[1]) and not any(has[0]):
        return [
            Finding(name, FILE_METRICS[0], "NEW", "base has no such benchmark: there is nothing to compare it with")
        ]
    if any(has[0]) and not any(has[1]) and matches(name, margins.allow_missing):
        return [Finding(name, FILE_METRICS[0], "REMOVED", "head has no such benchmark, which is allowed")]
    return []


def _fault(name: str, suite: Suite) -> str | None:
    """Return what prevents a benchmark from being judged."""
    for head, side_name in ((True, "head"), (False, "base")):
        for file in suite.side(head=head):
            sample = file.benchmarks.get(name)
            if sample is None:
                why = file.fault or (
                    "deleted, renamed, skipped, disabled or failed"
                    + (f"; where that is meant: --allow-missing '{name}'" if head else "")
                )
                return f"{side_name}: {file.name} has no such benchmark ({why})"
            if sample.fault:
                return f"{side_name}: {file.name}: {sample.fault}"
    if any(len(suite.side(head=head)) < _SHORTEST for head in (False, True)):
        return "one file per side is one process: it says nothing of how processes differ; give 4 or more, in turns"
    return None


def differences_of_machines(files: Sequence[BenchmarkFile]) -> str | None:
    """Describe how the machines of files differ."""
    for name in dict.fromkeys(name for file in files for name in file.machine):
        values = dict.fromkeys(file.machine.get(name, "unknown") for file in files)
        if len(values) > 1:
            return f"not one machine: {name} is {listed(values)}"
    return None


def _side(files: Sequence[BenchmarkFile]) -> Side:
    commits = dict.fromkeys(file.commit for file in files if file.commit)
    return Side(
        listed((file.name for file in files), most=3),
        next(iter(commits)) if len(commits) == 1 else None,
        files[0].machine,
    )
