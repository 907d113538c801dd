"""One side recorded, for a baseline or to calibrate a machine: what `bench baseline` and `bench gate --calibrate` do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from bench.errors import UsageError
from bench.gate.judge import TIME_METRICS
from bench.gate.looks import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.gate.baseline import Baseline
    from bench.gate.margins import Margins
    from bench.gate.sampling.recording import Recording
    from bench.gate.sampling.sides import Checkout
    from bench.gate.sampling.subject import Subject
    from bench.gate.verdict import Judgement

__all__ = ["against", "calibrate", "save", "show"]

_NUM_PAIRS = Plan().looks[-1]
"""As many as a gate takes at the most."""
_CRASHED, _NOT_MEASURED, _TOO_NOISY = 5, 4, 3


def calibrate(
    side: Checkout, subject: Subject, margins: Margins, *, strict: bool = False, out: Path | None = None
) -> int:
    """Measure how a side differs from itself, say what a gate could find here, and keep it for the gates to come.

    The result is the exit code: with `strict`, 3 where a step time is too noisy for its margin.

    Raises:
        UsageError: the request is wrong, or a file cannot be written.

    """
    from bench.gate.noise import refusals  # noqa: PLC0415  (numpy and scipy, which --help does without)
    from bench.gate.outputs.baseline_tables import calibration_table, lesson  # noqa: PLC0415
    from bench.gate.sampling.calibrations import keep  # noqa: PLC0415

    recording = _record(side, subject)
    baseline = recording.baseline
    if baseline.strategies:
        Console().print(calibration_table(baseline, margins))
        if out is not None:
            _write(baseline, out / "calibration.json")
        keep(baseline)
        Console().print(Text(lesson(baseline, margins)), soft_wrap=True)
    if recording.failed:
        return _failed(recording)
    refused = any(
        refusals(recorded, baseline.recorded, margins.of(name)) for name, recorded in baseline.strategies.items()
    )
    return _TOO_NOISY if strict and refused else 0


def save(path: Path, side: Checkout, subject: Subject) -> int:
    """Record a side into a file; the result is the exit code.

    Raises:
        UsageError: the request is wrong, or the file cannot be written.

    """
    from bench.gate.outputs.baseline_tables import history_table  # noqa: PLC0415

    recording = _record(side, subject)
    if recording.failed:  # a part of a baseline would be green later on for what it lacks
        return _failed(recording)
    _write(recording.baseline, path)
    Console().print(history_table([recording.baseline]))
    if recording.baseline.is_changed:
        Console(stderr=True).print("Files differ from the commit that is recorded.", style="yellow")
    return 0


def show(paths: list[Path], out: Path | None = None) -> int:
    """Print baselines, the oldest first; with `out`, draw them too.

    Raises:
        UsageError: a file is no baseline, or the page cannot be written.

    """
    from bench.gate.baseline import read_baseline  # noqa: PLC0415
    from bench.gate.outputs.baseline_tables import history_table  # noqa: PLC0415
    from bench.gating import make_directory  # noqa: PLC0415

    ordered = sorted(map(read_baseline, paths), key=lambda baseline: baseline.recorded)
    if out is not None:
        make_directory(out)
    Console().print(history_table(ordered))
    if out is not None:
        from reports.trend_page import write_trend  # noqa: PLC0415  (plotting takes a second to import)

        try:
            page = write_trend(ordered, out)
        except OSError as error:
            msg = f"--out {out}: {error.strerror}; name a directory that can be written"
            raise UsageError(msg) from error
        Console().print(Text(f"trend: {page}"), soft_wrap=True)
    return 0


def against(
    base: Path, head: Path | Checkout, margins: Margins, settings: Mapping[str, Any], choose: Callable[[str], str]
) -> Callable[[], Judgement]:
    """Prepare to judge a side, or what was recorded of one, against a baseline: the work is the baseline's own.

    Args:
        base: The baseline.
        head: What is judged.
        margins: By strategy and metric.
        settings: Device and timeout, where they are given.
        choose: Finds the device.

    Raises:
        UsageError: a file is no baseline, or is one of work that this bench no longer does.

    """
    from dataclasses import replace  # noqa: PLC0415

    from bench.gate.baseline import read_baseline  # noqa: PLC0415
    from bench.gate.stored import differences_of_work, judge_baselines, too_noisy  # noqa: PLC0415

    before = read_baseline(base)
    if isinstance(head, Path):
        after = read_baseline(head)
        return lambda: judge_baselines(before, after, margins)
    from bench.gate.sampling.subject import TINY, gather  # noqa: PLC0415

    work = {name: value for name, value in before.work.items() if name != TINY}
    try:
        subject = gather({**work, **settings}, None, choose)
    except UsageError as error:
        msg = f"{base}: {error}"
        raise UsageError(msg) from error
    if different := differences_of_work(before.work, subject.work):
        msg = f"{base} cannot be compared with: {different}; record it again"
        raise UsageError(msg)
    # Where times will not be judged, the first look is enough for the rest.
    timed = any(not too_noisy(one, metric) for one in before.strategies.values() for metric in TIME_METRICS)
    num_pairs = max(len(one.pairs) for one in before.strategies.values()) if timed else Plan().looks[0]

    def measure() -> Judgement:
        recording = _record(head, subject, num_pairs, has_known_work=True)
        judged = judge_baselines(before, recording.baseline, margins, recording.failed)
        return replace(judged, head_crashed=recording.crash)

    return measure


def _record(
    side: Checkout, subject: Subject, num_pairs: int = _NUM_PAIRS, *, has_known_work: bool = False
) -> Recording:
    from bench.gate.margins import Margins  # noqa: PLC0415
    from bench.gate.sampling.recording import record  # noqa: PLC0415
    from bench.gate.sampling.session import Session, hold  # noqa: PLC0415

    say = Console(stderr=True).print
    with hold(side) as held:
        session = Session(held, subject, margins=Margins(), say=lambda text: say(Text(text), soft_wrap=True))
        return record(session, subject.work, num_pairs, has_known_work=has_known_work)


def _failed(recording: Recording) -> int:
    """Say what could not be recorded."""
    from bench.gate.outputs.signs import printable  # noqa: PLC0415

    for name, findings in recording.failed.items():
        Console(stderr=True).print(
            Text(printable(f"{name}: not recorded: {findings[0].reason}"), style="red"), soft_wrap=True
        )
    return _CRASHED if recording.crash else _NOT_MEASURED


def _write(baseline: Baseline, path: Path) -> None:
    from bench.gate.baseline import write_baseline  # noqa: PLC0415

    write_baseline(baseline, path)
    Console().print(Text(f"baseline: {path}"), soft_wrap=True)
