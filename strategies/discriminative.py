"""One learning rate for the body, a larger one for the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.plan import Edit

if TYPE_CHECKING:
    from bench.plan import ModelView

HEAD_TO_BODY = 5.0


@dataclass(frozen=True, slots=True)
class Discriminative:
    """Two learning rates: `body` for what is pretrained, `head` (default: 5 times body) for the new head.

    Source: Howard and Ruder 2018, arXiv 1801.06146.
    """

    body: float | None = None
    head: float | None = None

    def __post_init__(self) -> None:
        """Refuse rates that make no pair."""
        if self.head is not None and self.body is None:
            raise UsageError("discriminative:head needs the body's rate beside it: discriminative:body=1e-5:head=5e-5")
        if any(rate is not None and rate <= 0 for rate in (self.body, self.head)):
            raise UsageError(f"discriminative: rates must be above zero, not body={self.body}, head={self.head}")

    def edit(self, view: ModelView) -> Edit:
        """Set the base rate, where it is given, and the head's factor on it."""
        factor = self.head / self.body if self.head and self.body else HEAD_TO_BODY
        scaled = Edit(lr_scale=((view.head, factor),))
        return scaled if self.body is None else Edit(lr=self.body, **scaled)
