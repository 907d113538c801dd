"""Judges a side against a baseline, which was recorded at another time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from bench.errors import UsageError
from bench.executors.devices import choose_device
from bench.experiment.settings import Settings
from bench.gate.judging.against import differences_of_work, judge_baselines, too_noisy
from bench.gate.judging.baseline import is_baseline, read_baseline
from bench.gate.judging.margins import Margins
from bench.gate.judging.sequential import AnalysisPlan
from bench.gate.judging.times import TIME_METRICS
from bench.gate.request import names_file, one_side
from bench.gate.sampling.recording import record
from bench.gate.sampling.session import Session
from bench.gate.sampling.sides import find_side, hold
from bench.gate.sampling.subject import TINY, gather
from bench.inert import line

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.gate.judging.judgement import Judgement
    from bench.gate.request import Sides
    from bench.gate.sampling.recording import Recording
    from bench.gate.sampling.sides import Checkout
    from bench.gate.sampling.subject import Subject

__all__ = ["NUM_PAIRS", "against", "record_side"]

NUM_PAIRS = AnalysisPlan().looks[-1]
"""The most pairs that a gate takes."""
_HOW = {"device", "timeout"}
"""The settings that do not change the workload."""


def against(sides: Sides, base: Path, margins: Margins) -> Callable[[], Judgement]:
    """Prepare to judge head against a baseline; whatever can be refused is refused before anything is measured.

    Raises:
        UsageError: a side cannot be read, an option does not go with a baseline, or this bench cannot do its work.

    """
    if sides.base_python:
        raise UsageError(f"--base-python: {base} is a baseline, which needs no interpreter; leave it out")
    if superfluous := sides.settings.keys() - _HOW:
        option = min(superfluous).replace("_", "-")
        raise UsageError(f"--{option}: a gate against a baseline does the same work as {base}; leave it out")
    head: Path | Checkout
    if len(sides.head) == 1 and (names_file(sides.head[0]) or is_baseline(Path(sides.head[0]))):
        head = Path(sides.head[0])
    else:
        head = find_side("--head", one_side("--head", sides.head), sides.head_python)
    # Of a config file, only the settings that do not change the workload.
    settings = Settings.gather({}, config=sides.config).model_dump(include=_HOW, exclude_unset=True)
    before = read_baseline(base)
    if before.is_of_files:
        raise UsageError(
            f"{base} was made of files of pytest-benchmark, for bench baseline show; a gate takes the files themselves"
        )
    if isinstance(head, Path):
        after = read_baseline(head)
        return lambda: judge_baselines(before, after, margins)
    work = {name: value for name, value in before.work.items() if name != TINY}
    try:
        subject = gather({**work, **settings, **sides.settings}, None, choose_device)
    except UsageError as error:
        raise UsageError(f"{base}: {error}") from error
    if different := differences_of_work(before.work, subject.work):
        raise UsageError(f"{base} cannot be compared with: {different}; record it again")
    # Where times will not be judged, the pairs of the first look are enough for the rest.
    timed = any(not too_noisy(one, metric) for one in before.strategies.values() for metric in TIME_METRICS)
    num_pairs = max(len(one.pairs) for one in before.strategies.values()) if timed else AnalysisPlan().looks[0]

    def measure() -> Judgement:
        recording = record_side(head, subject, num_pairs, has_known_work=True)
        judged = judge_baselines(before, recording.baseline, margins, recording.failed)
        return replace(judged, head_crashed=recording.crash)

    return measure


def record_side(
    side: Checkout, subject: Subject, num_pairs: int = NUM_PAIRS, *, has_known_work: bool = False
) -> Recording:
    """Measure pairs of a side with itself; progress is shown on stderr.

    Raises:
        UsageError: the side refuses the request, and the workload is not known to be valid.

    """
    say = Console(stderr=True).print
    with hold(side) as held:
        session = Session(held, subject, margins=Margins(), say=lambda text: say(line(text), soft_wrap=True))
        return record(session, subject.work, num_pairs, has_known_work=has_known_work)
