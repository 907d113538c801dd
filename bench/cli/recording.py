"""One side recorded, for a baseline or to calibrate a machine: what `bench baseline` and `bench gate --calibrate` do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from rich.console import Console

from bench.cli.conclude import never_red
from bench.errors import ExitCode, UsageError
from bench.executors.devices import choose_device
from bench.gate.judging.baseline import read_baseline, write_baseline
from bench.gate.judging.benchmark_baseline import baseline_of_files
from bench.gate.judging.noise import refusals
from bench.gate.outputs.baseline_tables import calibration_table, history_table, lesson
from bench.gate.request import Sides, make_directory, margins_of, one_side, with_config
from bench.gate.sampling.against import NUM_PAIRS, record_side
from bench.gate.sampling.calibrations import keep
from bench.gate.sampling.sides import find_side
from bench.gate.sampling.subject import gather
from bench.inert import line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import reports
    from bench.gate.judging.baseline import Baseline
    from bench.gate.judging.margins import Margins
    from bench.gate.sampling.recording import Recording
    from bench.gate.sampling.sides import Checkout
    from bench.gate.sampling.subject import Subject
else:
    from bench.beside import reports  # ours, whatever else is called so

__all__ = ["calibrate", "save", "save_files", "show"]


def calibrate(sides: Sides, *, margin: str | None = None, strict: bool = False, out: Path | None = None) -> int:
    """Find out what a gate of head could find on this machine; the result is the exit code.

    Raises:
        UsageError: head cannot be read, there is a base, or the directory cannot be written.

    """
    if sides.base or sides.base_python:
        raise UsageError("--base: a calibration compares head with itself; leave base out")
    sides = with_config(sides)
    margins = margins_of(sides.config, margin)
    if out is not None:
        make_directory(out)
    head, subject = _side_and_subject(sides)
    return never_red(lambda: _calibrate(head, subject, margins, strict=strict, out=out))


def save(
    path: Path,
    *,
    side: str | None = None,
    python: str | None = None,
    config: Path | None = None,
    settings: Mapping[str, Any],
) -> int:
    """Record a side for later gates; the result is the exit code.

    Raises:
        UsageError: the side cannot be read, or the file cannot be written.

    """
    _check_file(path)
    sides = with_config(Sides((), () if side is None else (side,), None, python, config, settings))
    recorded = _side_and_subject(sides, "--side")
    return never_red(lambda: _save(path, *recorded))


def save_files(path: Path, files: list[Path]) -> int:
    """Make a baseline of files of pytest-benchmark; the result is the exit code.

    Raises:
        UsageError: the files do not go together, or the baseline cannot be written.

    """
    _check_file(path)
    baseline = baseline_of_files(files)
    _write(baseline, path)
    Console().print(history_table([baseline]))
    return ExitCode.OK


def show(paths: list[Path], out: Path | None = None) -> int:
    """Print baselines, the oldest first; with `out`, draw them too.

    Raises:
        UsageError: a file is no baseline, or the page cannot be written.

    """
    ordered = sorted(map(read_baseline, paths), key=lambda baseline: baseline.recorded)
    if out is not None:
        make_directory(out)
    Console().print(history_table(ordered))
    if out is not None:
        try:
            page = reports.write_trend(ordered, out)
        except OSError as error:
            raise UsageError(f"--out {out}: {error.strerror}; name a directory that can be written") from error
        Console().print(line(f"trend: {page}"), soft_wrap=True)
    return ExitCode.OK


def _calibrate(
    side: Checkout, subject: Subject, margins: Margins, *, strict: bool = False, out: Path | None = None
) -> int:
    """Measure how a side differs from itself, say what a gate could find here, and keep it for the gates to come.

    The result is the exit code: with `strict`, INCONCLUSIVE where a step time is too noisy for its margin.

    Raises:
        UsageError: the request is wrong, or a file cannot be written.

    """
    recording = record_side(side, subject, NUM_PAIRS)
    baseline = recording.baseline
    if baseline.strategies:
        Console().print(calibration_table(baseline, margins))
        if out is not None:
            _write(baseline, out / "calibration.json")
        keep(baseline)
        Console().print(line(lesson(baseline, margins)), soft_wrap=True)
    if recording.failed:
        return _failed(recording)
    refused = any(
        refusals(recorded, baseline.recorded, margins.of(name)) for name, recorded in baseline.strategies.items()
    )
    return ExitCode.INCONCLUSIVE if strict and refused else ExitCode.OK


def _save(path: Path, side: Checkout, subject: Subject) -> int:
    """Record a side into a file; the result is the exit code.

    Raises:
        UsageError: the request is wrong, or the file cannot be written.

    """
    recording = record_side(side, subject, NUM_PAIRS)
    if recording.failed:  # a part of a baseline would be green later on for what it lacks
        return _failed(recording)
    _write(recording.baseline, path)
    Console().print(history_table([recording.baseline]))
    if recording.baseline.is_changed:
        Console(stderr=True).print("Files differ from the commit that is recorded.", style="yellow")
    return ExitCode.OK


def _side_and_subject(sides: Sides, option: str = "--head") -> tuple[Checkout, Subject]:
    """Find the one side that takes turns with itself, and what it trains."""
    side = find_side(option, one_side(option, sides.head), sides.head_python)
    return side, gather(sides.settings, sides.config, choose_device)


def _check_file(path: Path) -> None:
    """Refuse a file that cannot be written before anything is measured.

    Raises:
        UsageError: it is a directory, or its directory cannot be made or written.

    """
    make_directory(path.parent, "FILE")
    if path.is_dir() or not path.name or not os.access(path.parent, os.W_OK):
        raise UsageError(f"FILE {path}: no file can be written there; name one, such as baseline.json")


def _failed(recording: Recording) -> int:
    """Say what could not be recorded."""
    for name, findings in recording.failed.items():
        Console(stderr=True).print(line(f"{name}: not recorded: {findings[0].reason}", "red"), soft_wrap=True)
    return ExitCode.CRASHED if recording.crash else ExitCode.NOT_MEASURED


def _write(baseline: Baseline, path: Path) -> None:
    write_baseline(baseline, path)
    Console().print(line(f"baseline: {path}"), soft_wrap=True)
