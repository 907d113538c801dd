"""Learnt scales of random matrices that all layers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import UsageError

from ._adapters import ByPeft, adapt

if TYPE_CHECKING:
    from bench.plan import Edit, ModelView


@dataclass(frozen=True, slots=True)
class Vera(ByPeft):
    """Train the head and, beside linear layers, the scales of one pair of random matrices of rank `r` that stay frozen.

    Source: Kopiczko, Blankevoort and Asano 2023, arXiv 2310.11454.
    """

    r: int = 256
    d_initial: float = 0.1
    dropout: float = 0.0
    target: tuple[str, ...] = ()
    last: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no adapter can be."""
        if self.r < 1:
            raise UsageError(f"vera:r={self.r} cannot be: a rank is 1 or more")

    def edit(self, view: ModelView) -> Edit:
        """Add the adapters; alone, with the head, they train."""
        options = {"r": self.r, "d_initial": self.d_initial} | ({"vera_dropout": self.dropout} if self.dropout else {})
        return adapt(view, "vera", "VeRA", target=self.target, last=self.last, **options)
