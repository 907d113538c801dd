"""Layers that train alone, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.plan import Edit, InTurn, Trainable

from ._turns import check_until, until

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class ChainThaw:
    """Train the head alone, then each layer alone from the bottom up, and everything after `until`, a share of the steps.

    Source: Felbo et al. 2017, arXiv 1708.00524.
    """

    until: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a share that leaves no time for a part."""
        check_until("chain_thaw", self.until)

    def edit(self, view: ModelView) -> Edit:
        """Give every layer a turn, all of them equally long."""
        turns = [Trainable(frozenset({name})) for name in (view.head, *view.body)]
        return Edit(phases=_Alone(until(self.until, [*turns, Trainable(frozenset(view.names))])))


@dataclass(frozen=True, slots=True)
class _Alone(InTurn):
    def describe(self, _view: ModelView) -> str:
        return f"the head trains alone, then each layer alone from the bottom up, everything from {self.parts[-1][0]:.0%} of the steps"
