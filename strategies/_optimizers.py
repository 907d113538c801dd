"""Optimizers other than AdamW, as a plan carries them; their updates are in `_update_rules`, which imports torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.errors import UsageError
from bench.plan.option_text import write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch.optim import Optimizer

__all__ = ["ByRule", "RoundedAdamW", "check_positive", "check_shares"]


@dataclass(frozen=True, slots=True)
class ByRule:
    """Makes an optimizer by the name that it has in `_update_rules`."""

    rule: str
    label: str
    """In the report."""
    options: tuple[tuple[str, Any], ...] = ()
    """As the rule takes them."""
    factor: float = 1.0
    """By which its rate is larger than AdamW's. The decay of weights, the rate times `weight_decay`, shall not be."""

    def __call__(self, groups: Sequence[Mapping[str, Any]]) -> Optimizer:
        """Build it."""
        from . import _update_rules  # noqa: PLC0415  (a strategy is read without torch)

        own = [{**group, "weight_decay": group["weight_decay"] / self.factor} for group in groups]
        made: Optimizer = getattr(_update_rules, self.rule)(own, **dict(self.options))
        return made

    def describe(self, _view: object) -> str:
        """Tell which it is, its options, and what becomes of the decay."""
        told = [self.label, *(f"{name}={write(value)}" for name, value in self.options)]
        if self.factor != 1:
            told.append(f"weight_decay at {1 / self.factor:.3g} times that of the run")
        return ", ".join(told)


@dataclass(frozen=True, slots=True)
class RoundedAdamW:
    """Makes AdamW that computes in fp32 and rounds what it writes by lot."""

    def __call__(self, groups: Sequence[Mapping[str, Any]]) -> Optimizer:
        """Build it."""
        from ._stochastic import StochasticAdamW  # noqa: PLC0415  (torch)

        return StochasticAdamW(groups)

    def describe(self, _view: object) -> str:
        """Tell which it is."""
        return "AdamW in fp32 arithmetic, what it writes rounded to bf16 by lot"


def check_positive(strategy: str, **factors: float) -> None:
    """Refuse factors of nothing."""
    for name, factor in factors.items():
        if not 0 < factor < math.inf:
            raise UsageError(f"{strategy}:{name}={factor:g} cannot be: it is a factor above 0")


def check_shares(strategy: str, *, above_zero: bool = False, **shares: float) -> None:
    """Refuse shares of a running mean that cannot be."""
    for name, share in shares.items():
        if not 0 <= share < 1 or (above_zero and not share):
            least = "above 0 and" if above_zero else "of 0 to"
            raise UsageError(f"{strategy}:{name}={share:g} cannot be: it is a share {least} below 1")
