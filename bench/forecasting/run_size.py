"""How long the runs of a comparison are, as multiples of the step that is forecast: that on the longest rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.forecasting.duration import RunWork

if TYPE_CHECKING:
    from bench.forecasting.duration import StepWork
    from bench.forecasting.training import Training

__all__ = ["RunSize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSize:
    """The same for every strategy."""

    num_steps: int
    mean_share: float
    """Tokens of a mean step, as a share of those of the longest."""
    num_evaluation_passes: float
    """Over all evaluations, each of as many tokens as the longest step."""
    num_training_passes: float
    """Once over all training rows, likewise: what fills a cache."""

    @classmethod
    def of(cls, training: Training, *, num_steps: int | None, evaluation_tokens: int, num_evaluations: int) -> RunSize:
        """Measure runs on `training`, which are evaluated on rows of so many tokens at several points."""
        longest = int(training.split.lengths[training.rows].sum())
        tokens = int(training.split.lengths.sum())
        per_step = tokens * min(training.batch_size, len(training.split)) / len(training.split)
        return cls(
            num_steps=num_steps or training.num_steps,
            mean_share=per_step / longest,
            num_evaluation_passes=evaluation_tokens * num_evaluations / longest,
            num_training_passes=tokens / longest,
        )

    def work(self, step: StepWork, whole_pass: StepWork, *, is_cached: bool, loaded_bytes: int) -> RunWork:
        """Return what a run does whose longest step and whose pass over the same rows do this."""
        return RunWork(
            step=step.times(self.mean_share),
            num_steps=self.num_steps,
            whole_pass=whole_pass,
            num_filling_passes=self.num_training_passes if is_cached else 0,
            num_evaluation_passes=self.num_evaluation_passes,
            loaded_bytes=loaded_bytes,
        )
