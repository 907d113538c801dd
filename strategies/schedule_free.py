"""AdamW without a schedule of the rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.plan import Edit

from ._optimizers import ByRule, check_positive, check_shares

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class ScheduleFree:
    """AdamW at a constant rate after the warm-up, evaluated at the average of its steps; gradients are taken near that, at `beta1` of the way.

    Source: Defazio et al. 2024, arXiv 2405.15682.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    factor: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        check_shares("schedule_free", beta2=self.beta2)
        check_shares("schedule_free", above_zero=True, beta1=self.beta1)
        check_positive("schedule_free", factor=self.factor)

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002  (it is the same for every model)
        """Bring the optimizer; it averages itself, so that no other average may."""
        rule = ByRule(
            "ScheduleFree", "schedule-free AdamW", (("beta1", self.beta1), ("beta2", self.beta2)), self.factor
        )
        scale = (("*", self.factor),)
        return Edit(optimizer=rule, lr_scale=scale, lr_schedule="constant", averaging=None)
