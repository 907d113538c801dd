"""Baselines as tables in the terminal: what was recorded, and what a gate could find on their machine."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from bench.analysis.words.numbers import listed
from bench.gate.judging.judgement import FILE_METRICS, GATED
from bench.gate.judging.noise import noise_of
from bench.gate.judging.times import TIME_METRICS
from bench.gate.judging.words import percent, value_of
from bench.inert import inert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.gate.judging.baseline import Baseline, Recorded
    from bench.gate.judging.margins import Margins

__all__ = ["RECORDED", "calibration_table", "history_table", "lesson", "middle", "named"]

RECORDED = (*TIME_METRICS, "training_memory_bytes", "accuracy")
"""What a baseline knows of a process that is one number."""
_TOLD = ("step_seconds_median", "training_memory_bytes", "accuracy")


def calibration_table(baseline: Baseline, margins: Margins) -> Table:
    """Make a table of what a gate could find, by strategy and metric of step time."""
    table = Table("strategy", "metric", "pairs differ by", box=None)
    looks = noise_of(next(iter(baseline.strategies.values())), TIME_METRICS[0]).plan.looks
    for title in (*(f"{num} pairs find" for num in (looks[0], looks[-1])), "margin", "pairs for the margin"):
        table.add_column(title, justify="right")
    for name, recorded in baseline.strategies.items():
        for metric in TIME_METRICS:
            noise, margin = noise_of(recorded, metric), margins.of(name)[metric]
            needed = noise.pairs_for(margin)
            cells = (
                inert(name),
                GATED[metric].label,
                percent(noise.between_pairs),
                percent(noise.finds(looks[0])),
                percent(noise.finds(looks[-1])),
                percent(margin),
                "over 100" if needed is None else str(needed),
            )
            table.add_row(*map(Text, cells))
    return table


def lesson(baseline: Baseline, margins: Margins) -> str:
    """What the gates to come will be able to judge on this machine."""
    too_noisy, least = [], 0.0
    for name, recorded in baseline.strategies.items():
        for metric in TIME_METRICS:
            noise = noise_of(recorded, metric)
            finds = noise.finds(noise.plan.looks[-1])
            least = max(least, finds)
            if finds > margins.of(name)[metric]:
                too_noisy.append(f"{name}, {GATED[metric].label}")
    if not too_noisy:
        return f"Step times can be judged here: the gate finds a change of {percent(least)} or more."
    wider = math.ceil(least * 1000 + 0.5) / 1000  # so that it is wide enough once it is rounded
    could = f"A margin of {percent(wider)} could be judged" if wider < 1 else "No margin could be judged"
    return (
        f"Too noisy for the margin, and not judged by gates on this machine: {listed(too_noisy)}. "
        f"{could}; or calibrate again once the machine is quiet."
    )


def history_table(baselines: Sequence[Baseline]) -> Table:
    """Make a table of baselines, by strategy and in the order given: the middle of the processes of each, and how they differ in time."""
    of_files = all(baseline.is_of_files for baseline in baselines)
    table = Table("benchmark" if of_files else "strategy", box=None)
    for title in ("recorded", "commit"):
        table.add_column(title, no_wrap=True)
    told = [metric for metric in _TOLD if not (of_files and metric == "accuracy")]
    for metric in told:
        table.add_column(GATED[named(metric, is_of_files=of_files)].label, justify="right")
    table.add_column("noise", justify="right")
    for name in dict.fromkeys(name for baseline in baselines for name in baseline.strategies):
        for baseline in baselines:
            if recorded := baseline.strategies.get(name):
                cells = (
                    inert(name),
                    f"{baseline.recorded:%Y-%m-%d %H:%M}",
                    _commit(baseline),
                    *(
                        value_of(named(metric, is_of_files=baseline.is_of_files), middle(recorded, metric))
                        for metric in told
                    ),
                    percent(noise_of(recorded, _TOLD[0]).between_processes),
                )
                table.add_row(*map(Text, cells))
    return table


def _commit(baseline: Baseline) -> str:
    """Name the commit; a plus says that files differed from it."""
    return inert((baseline.side.commit or "")[:8]) + ("+" if baseline.is_changed else "")


def named(metric: str, *, is_of_files: bool) -> str:
    """Return the name in GATED of a metric of a process: the steps of files are rounds."""
    return FILE_METRICS[TIME_METRICS.index(metric)] if is_of_files and metric in TIME_METRICS else metric


def middle(recorded: Recorded, metric: str) -> float | None:
    """Return the median over the processes; None where one did not measure it."""
    values = [getattr(process, metric) for process in recorded.processes]
    return None if None in values else median(values)
