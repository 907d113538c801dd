"""A baseline of files of pytest-benchmark, for the trend of any project: `bench baseline save --from *.json`."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from bench.analysis.words.numbers import listed
from bench.errors import UsageError
from bench.gate.judging.baseline import OF_FILES, Baseline, Pair, Process, Recorded
from bench.gate.judging.benchmark_files import BenchmarkFile, read_file, refuse_copies
from bench.gate.judging.judgement import Side
from bench.gate.judging.pytest_benchmark import differences_of_machines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["baseline_of_files"]

_FEWEST = 4


def baseline_of_files(paths: Sequence[Path]) -> Baseline:
    """Return one baseline of the processes of one commit on one machine.

    Raises:
        UsageError: a file cannot be read, or the files are not of one commit, one machine and the same benchmarks.

    """
    refuse_copies(paths)
    files = [read_file(path) for path in paths]
    for file in files:
        if file.fault:
            raise UsageError(f"--from {file.name}: {file.fault}")
    if len(files) < _FEWEST or len(files) % 2:
        msg = f"--from: {len(files)} files: give an even number of processes, {_FEWEST} or more, as their noise is told by pairs"
        raise UsageError(msg)
    commits = dict.fromkeys(str(file.commit) for file in files)
    if different := differences_of_machines(files) or (len(commits) > 1 and f"not one commit: {listed(commits)}"):
        raise UsageError(f"--from: {different}; save each of them by itself")
    names = dict.fromkeys(name for file in files for name in file.benchmarks)
    ordered = sorted(files, key=lambda file: file.recorded.timestamp() if file.recorded else 0.0)
    latest = ordered[-1].recorded
    assert latest is not None  # a file without a time is refused
    return Baseline(
        recorded=latest.astimezone(UTC).replace(microsecond=0),
        side=Side(listed((file.name for file in files), most=3), files[0].commit, files[0].machine),
        work={OF_FILES: 1},
        strategies={name: _recorded(name, ordered) for name in names},
    )


def _recorded(name: str, files: Sequence[BenchmarkFile]) -> Recorded:
    processes = []
    for file in files:
        sample = file.benchmarks.get(name)
        if sample is None or sample.fault:
            why = sample.fault if sample else "it was deleted, skipped or failed"
            raise UsageError(f"--from {file.name}: no {name}: {why}")
        processes.append(
            Process(
                step_seconds_median=sample.median,
                step_seconds_mean=sample.mean,
                training_memory_bytes=round(sample.peak_bytes) if sample.peak_bytes else None,
            )
        )
    pairs = zip(processes[::2], processes[1::2], strict=True)
    return Recorded(
        is_half_precision=False,
        data_digest=None,
        pairs=tuple(Pair(seed=number, processes=pair) for number, pair in enumerate(pairs)),
    )
