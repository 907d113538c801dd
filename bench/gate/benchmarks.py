"""Files of pytest-benchmark judged, base against head: one file is one process, so one sample.

All that a file knows, thousands of rounds or not, is of a single process and says nothing of how
processes differ. The files of both sides are paired in the order in which they were recorded.
There is no rerun, so red is asked for more certainty than green. A benchmark that any file lacks
(deleted, renamed, skipped, disabled, failed) is not measured, and never green.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from bench.errors import UsageError
from bench.gate.judge import TIME_METRICS, time_findings, unmeasured, without_rerun
from bench.gate.memory import judge_memory
from bench.gate.verdict import Judgement, Side
from bench.phrases import listed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.gate.judge import TimeRule
    from bench.gate.verdict import Finding

__all__ = ["MACHINE_KEY", "MEMORY_KEY", "judge_benchmarks"]

MEMORY_KEY = "peak_memory_bytes"
"""In `extra_info`: the peak of the process, where the benchmark measured it."""

MACHINE_KEY = "bench"
"""In `machine_info`: the GPU and its driver, where a plugin added them; compared as a whole."""

_SHORTEST = 2
"""Pairs that have an interval."""


@dataclass(frozen=True, slots=True)
class _File:
    """What one file holds."""

    name: str
    fault: str | None = None
    """Why it holds nothing."""
    recorded: datetime | None = None
    commit: str | None = None
    machine: dict[str, str] = field(default_factory=dict)
    benchmarks: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By full name."""


def judge_benchmarks(base: Sequence[Path], head: Sequence[Path], margins: dict[str, float] | None = None) -> Judgement:
    """Judge every benchmark that any of the files has; `margins` are shares, by the metrics of step time.

    Raises:
        UsageError: a file cannot be opened, a measurement is given twice, or the sides have different numbers of files.

    """
    if not base or len(base) != len(head):
        msg = f"{len(base)} files of base and {len(head)} of head: give as many of each, recorded in turns"
        raise UsageError(msg)
    _refuse_copies([*base, *head])
    befores, afters = (_in_order([_read(path) for path in side]) for side in (base, head))
    every = [*befores, *afters]
    rule = without_rerun(margins or {}, len(base))
    machines = _differences([file for file in every if not file.fault])
    names = dict.fromkeys(name for file in every for name in file.benchmarks)
    findings = []
    for name in names:
        found = _judge(name, befores, afters, rule, machines)
        findings += [replace(finding, file=name.partition("::")[0]) for finding in found]
    faults = tuple(f"{file.name}: {file.fault}." for file in every if file.fault)
    return Judgement(tuple(findings), _side(befores), _side(afters), (*faults, *_apart(befores, afters)))


def _judge(
    name: str, befores: Sequence[_File], afters: Sequence[_File], rule: TimeRule, machines: str | None
) -> tuple[Finding, ...]:
    fault = machines
    if len(befores) < _SHORTEST:
        fault = "one file per side is one process: it says nothing of how processes differ; give 4 or more, in turns"
    for side, files in (("base", befores), ("head", afters)):
        fault = next((f"{side}: {why}" for file in files if (why := _fault(file, name))), fault)
    if fault:
        return tuple(unmeasured(name, metric, fault) for metric in TIME_METRICS)
    pairs = [(before.benchmarks[name], after.benchmarks[name]) for before, after in zip(befores, afters, strict=True)]
    times = tuple(
        time_findings(
            name,
            metric,
            tuple((before["stats"][key], after["stats"][key]) for before, after in pairs),
            (),
            rule,
        )
        for metric, key in zip(TIME_METRICS, ("median", "mean"), strict=True)
    )
    peaks = [[_peak(one) for one in side] for side in zip(*pairs, strict=True)]
    known = [[peak for peak in side if peak is not None] for side in peaks]
    if not any(known):
        return times
    if known != peaks:
        return (*times, unmeasured(name, "peak_memory_bytes", f"not every file has {MEMORY_KEY} in extra_info"))
    return (*times, *judge_memory(name, known[0], known[1]))


def _read(path: Path) -> _File:
    """Read a file; one that holds no measurement says so, as that is a result and no mistake of the user."""
    content = _content(path)
    if not content.strip():
        return _File(path.name, "the file is empty: no benchmark ran, they were disabled or all failed")
    try:
        written = json.loads(content)
        recorded = datetime.fromisoformat(written["datetime"])
        benchmarks = {one["fullname"]: one for one in written["benchmarks"]}
        machine = _machine(written.get("machine_info") or {})
        commit = (written.get("commit_info") or {}).get("id")
    except (ValueError, KeyError, TypeError, AttributeError):
        return _File(path.name, "the file is no whole JSON of pytest-benchmark")
    if not benchmarks:
        return _File(path.name, "the file holds no benchmark")
    # Files of old versions have no zone; what matters is their order.
    return _File(path.name, None, recorded.replace(tzinfo=None), commit, machine, benchmarks)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        msg = (
            f"{path}: {error.strerror}; name files written by pytest --benchmark-json, which writes none where no "
            "benchmark ran: disabled, crashed or not selected"
        )
        raise UsageError(msg) from error


def _machine(info: dict[str, Any]) -> dict[str, str]:
    """What must be equal for times to be compared; versions of software may be what is compared."""
    processor = info.get("cpu") or {}
    parts = {
        "processor": processor.get("brand_raw") or processor.get("brand"),
        "number of cores": processor.get("count"),
        "architecture": info.get("machine"),
        "system": info.get("system"),
        "device": info.get(MACHINE_KEY),
    }
    return {name: str(value) for name, value in parts.items() if value is not None}


def _differences(files: Sequence[_File]) -> str | None:
    """Say in what the machines of files differ."""
    for name in dict.fromkeys(name for file in files for name in file.machine):
        values = dict.fromkeys(file.machine.get(name, "unknown") for file in files)
        if len(values) > 1:
            return f"not one machine: {name} is {listed(values)}"
    return None


def _fault(file: _File, name: str) -> str | None:
    """Say why a file has no sample of a benchmark."""
    one = file.benchmarks.get(name)
    if one is None:
        return f"{file.name} has no such benchmark ({file.fault or 'deleted, renamed, skipped, disabled or failed'})"
    stats = one.get("stats")
    for key in ("median", "mean"):
        value = stats.get(key) if isinstance(stats, dict) else None
        if not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
            return f"{file.name} has {value} as its {key}, which is no time above zero"
    return None


def _peak(one: dict[str, Any]) -> int | None:
    value = (one.get("extra_info") or {}).get(MEMORY_KEY)
    return value if isinstance(value, int) else None


def _in_order(files: list[_File]) -> list[_File]:
    """Sort by the time of recording, those without one last."""
    return sorted(files, key=lambda file: file.recorded or datetime.max)  # noqa: DTZ901  (zones are taken off)


def _apart(befores: Sequence[_File], afters: Sequence[_File]) -> tuple[str, ...]:
    """Warn where one side was recorded as a whole before the other."""
    base, head = ([file.recorded for file in side if file.recorded] for side in (befores, afters))
    if len(befores) < _SHORTEST or not base or not head or (max(base) > min(head) and max(head) > min(base)):
        return ()
    warning = (
        "One side was recorded as a whole before the other, so that a slower hour of the machine looks like a slower "
        "head. Record base and head in turns."
    )
    return (warning,)


def _refuse_copies(paths: Sequence[Path]) -> None:
    """Refuse one measurement given twice: it is one process, however often it is counted."""
    seen: dict[str, Path] = {}
    for path in paths:
        content = _content(path)
        digest = sha256(content).hexdigest()
        if content.strip() and digest in seen:
            msg = f"{seen[digest]} and {path} are the same measurement; give every process once"
            raise UsageError(msg)
        seen[digest] = path


def _side(files: Sequence[_File]) -> Side:
    commits = dict.fromkeys(file.commit for file in files if file.commit)
    return Side(
        listed((file.name for file in files), most=3),
        next(iter(commits)) if len(commits) == 1 else None,
        files[0].machine,
    )
