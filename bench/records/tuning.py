"""How the learning rate of a strategy was found before its runs: every trial, and what all of them took."""

from __future__ import annotations

from typing import Literal

from bench.experiment.bounds import Count, Frozen, Lenient, Loss, Positive, Quantity, Seconds, Share
from bench.experiment.spec import QualityName

__all__ = ["Tuning", "TuningTrial"]

TrialStatus = Literal["ok", "oom", "diverged", "failed", "timeout", "killed", "skipped"]


class TuningTrial(Frozen):
    """One rate, trained with for a share of a run or a whole one, and evaluated on validation rows."""

    lr: Quantity | None
    """The base rate; None is the default rates."""
    num_steps: Count
    status: Lenient[TrialStatus]
    quality: Share | None = None
    """The score that rates were chosen by, on the validation rows; None where the trial did not end ok."""
    loss: Loss | None = None
    """Cross-entropy on the validation rows, in nats; it decides between equal scores."""
    seconds: Seconds
    """Of its process, from start to end."""


class Tuning(Frozen):
    """The trials of one strategy. What was measured afterwards had other seeds, all training rows and the evaluation rows."""

    metric: Lenient[QualityName]
    num_rows: Positive
    """Validation rows: held out of those to train on, and no evaluation rows."""
    trials: tuple[TuningTrial, ...]
    """In the order in which they ran, the default rates first."""
    lr: Quantity | None
    """The rate that was chosen; None where no rate that was tried was better than the default ones."""

    @property
    def seconds(self) -> float:
        """What all trials took."""
        return sum(trial.seconds for trial in self.trials)

    @property
    def whole_trials(self) -> tuple[TuningTrial, ...]:
        """Those as long as a run, among which was chosen."""
        most = max(trial.num_steps for trial in self.trials)
        return tuple(trial for trial in self.trials if trial.num_steps == most)

    @property
    def edge(self) -> Literal["lowest", "highest"] | None:
        """Whether the chosen rate is the lowest or highest that was tried, so that a better one may lie beyond."""
        return self.edge_of(self.lr)

    def edge_of(self, rate: float | None) -> Literal["lowest", "highest"] | None:
        """Whether a rate is the lowest or highest that was tried; None is the default rates, which are neither."""
        rates = [trial.lr for trial in self.trials if trial.lr is not None]
        if rate is None or not rates:
            return None
        return "lowest" if rate == min(rates) else "highest" if rate == max(rates) else None
