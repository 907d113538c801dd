"""The head first, then the whole model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.plan import Edit, InTurn, Trainable

from ._turns import check_until, until

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class HeadThenFull:
    """Train the head alone, and everything after `until`, a share of the steps, so that no fresh head distorts the body.

    Source: Kumar et al. 2022, arXiv 2202.10054.
    """

    until: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a share that leaves no time for a part."""
        check_until("head_then_full", self.until)

    def edit(self, view: ModelView) -> Edit:
        """Let everything join the head."""
        parts = [Trainable(frozenset({view.head})), Trainable(frozenset(view.names))]
        return Edit(phases=InTurn(until(self.until, parts)))
