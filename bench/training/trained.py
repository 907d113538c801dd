"""What the training loop measures: counted while it runs, and read off at its end, or wherever it stops."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.measuring.clock import StepClock
    from bench.training.set_up import SetUp
    from bench.training.step import Step

__all__ = ["Tally", "Trained"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What the loop measured."""

    seconds: float
    """Billed time: cache, compilation and steps, and nothing of evaluation."""
    set_up: SetUp
    set_up_seconds: float
    """Of it, what came before the first step."""
    step_seconds: tuple[float, ...]
    step_parts: tuple[Mapping[str, float], ...]
    """Seconds of each step by part: data, forward (with the loss), backward, optimizer."""
    step_tokens: tuple[int, ...]
    losses: tuple[float, ...]
    """Mean loss of the rows of each step, in nats."""
    num_samples: int
    num_padded_tokens: int


@dataclass(slots=True, kw_only=True)
class Tally:
    """What the loop has counted so far. Reading it off waits for the device, and wants a stopped clock."""

    clock: StepClock
    set_up: SetUp
    set_up_seconds: float
    before: Trained | None = None
    """Of the steps that an earlier process took."""
    losses: list[torch.Tensor] = field(default_factory=list)
    """Of the steps of this one."""
    step_tokens: list[int] = field(default_factory=list)
    num_samples: int = 0
    num_padded_tokens: int = 0

    @property
    def num_steps(self) -> int:
        """The steps done."""
        return len(self.losses) + (len(self.before.losses) if self.before else 0)

    def add(self, taken: Step, num_rows: int) -> None:
        """Count a step."""
        self.losses.append(taken.loss)
        self.step_tokens.append(taken.num_tokens)
        self.num_padded_tokens += taken.num_computed
        self.num_samples += num_rows

    def go_on_from(self, before: Trained) -> None:
        """Count from here on what follows these steps, set-up included, in the place of what was counted until now."""
        self.clock.bill(before.seconds - self.clock.seconds)
        self.before, self.set_up, self.set_up_seconds = before, before.set_up, before.set_up_seconds
        self.num_samples, self.num_padded_tokens = before.num_samples, before.num_padded_tokens

    def trained(self) -> Trained:
        """Read everything off."""
        was = self.before
        losses = torch.stack(self.losses).tolist() if self.losses else []
        return Trained(
            seconds=self.clock.seconds,
            set_up=self.set_up,
            set_up_seconds=self.set_up_seconds,
            step_seconds=(*(was.step_seconds if was else ()), *self.clock.laps()),
            step_parts=(*(was.step_parts if was else ()), *self.clock.parts()),
            step_tokens=(*(was.step_tokens if was else ()), *self.step_tokens),
            losses=(*(was.losses if was else ()), *losses),
            num_samples=self.num_samples,
            num_padded_tokens=self.num_padded_tokens,
        )
