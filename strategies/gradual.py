"""Gradual unfreezing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.plan import Edit, InTurn, Trainable

from ._turns import check_until, until

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Gradual:
    """Train the head first, then one more layer from the top at a time, and everything after `until`, a share of the steps.

    Source: Howard and Ruder 2018, arXiv 1801.06146.
    """

    until: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a share that leaves no time for a part."""
        check_until("gradual", self.until)

    def edit(self, view: ModelView) -> Edit:
        """Let the layers join from the top, at equal distances."""
        parts = [Trainable(frozenset(view.names[-count:])) for count in range(1, len(view.names) + 1)]
        return Edit(phases=_FromTheTop(until(self.until, parts)))


@dataclass(frozen=True, slots=True)
class _FromTheTop(InTurn):
    def describe(self, _view: ModelView) -> str:
        return f"the head trains first, then one more layer from the top at a time, everything from {self.parts[-1][0]:.0%} of the steps"
