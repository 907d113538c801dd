"""What trains by lot."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from bench.plan import Trainable

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class ByLot:
    """Of some layers a few train, drawn anew from time to time, and others always."""

    always: tuple[str, ...]
    among: tuple[str, ...]
    num_layers: int
    every: int

    def at(self, step: int, _num_steps: int, _epoch: int, /) -> Trainable:
        """Draw by the number of the turn alone."""
        drawn = Random(step // self.every).sample(self.among, self.num_layers)  # noqa: S311  (no secret)
        return Trainable(frozenset(self.always).union(drawn))

    def ever(self) -> tuple[Trainable, ...]:
        """All of them."""
        return (Trainable(frozenset(self.always + self.among)),)

    def describe(self, _view: ModelView) -> str:
        """Tell how many, and how often."""
        what = f"{self.num_layers} of {len(self.among)} layers, drawn anew every {self.every} steps"
        return f"the embeddings and the head train, and {what}"
