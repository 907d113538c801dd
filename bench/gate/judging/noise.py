"""A machine's noise, from pairs of equal processes, and the changes that the gate can find in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bench.gate.judging.sequential import AnalysisPlan, share_of, smallest_shift
from bench.gate.judging.times import TIME_METRICS
from bench.gate.judging.words import percent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bench.gate.judging.baseline import Recorded

__all__ = ["Noise", "noise_of", "refusals"]

_MOST_PAIRS = 100
"""The most pairs that are considered."""


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise of one metric of step time, on the logarithmic scale."""

    between_pairs: float
    """Standard deviation of the difference of two processes that took turns."""
    between_processes: float
    """Standard deviation of single processes, which matters for a comparison with a recorded time."""
    plan: AnalysisPlan = field(default_factory=AnalysisPlan)

    def finds(self, num_pairs: int) -> float:
        """Return the smallest change, as a share, that the analysis of so many pairs finds with 80 % probability."""
        return share_of(smallest_shift(num_pairs, self.between_pairs, self.plan.red_level))

    def pairs_for(self, margin: float) -> int | None:
        """Return the number of pairs that find a change of the margin; None for more than 100."""
        return next((num for num in range(2, _MOST_PAIRS + 1) if self.finds(num) <= margin), None)


def noise_of(recorded: Recorded, metric: str) -> Noise:
    """Estimate the noise of a metric of step time from at least two pairs."""
    logs = np.log([[getattr(process, metric) for process in pair.processes] for pair in recorded.pairs])
    return Noise(float(np.std(logs[:, 1] - logs[:, 0], ddof=1)), float(np.std(logs, ddof=1)))


def refusals(recorded: Recorded, when: datetime, margins: Mapping[str, float]) -> dict[str, str]:
    """Return by metric why step times are too noisy to be judged by these margins with any number of pairs."""
    refused = {}
    for metric in TIME_METRICS:
        noise = noise_of(recorded, metric)
        last = noise.plan.looks[-1]
        if (finds := noise.finds(last)) > margins[metric]:
            refused[metric] = (
                f"calibrated on {when:%Y-%m-%d}, this machine finds {percent(finds)} or more in {last} pairs, "
                f"and the margin is {percent(margins[metric])}; widen it (--margin), or calibrate again once it is quiet"
            )
    return refused
