"""Learnt scales of keys, values and hidden units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._adapters import ByPeft, adapt
from ._optimizers import check_positive

if TYPE_CHECKING:
    from bench.plan import Edit, ModelView


@dataclass(frozen=True, slots=True)
class Ia3(ByPeft):
    """Train the head and a scale for each output of linear layers, or for each input of those named by `feedforward`.

    Rates are `factor` times those of other adapters.

    Source: Liu et al. 2022, arXiv 2205.05638.
    """

    target: tuple[str, ...] = ()
    feedforward: tuple[str, ...] = ()
    last: int | None = None
    factor: float = 10.0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        check_positive("ia3", factor=self.factor)

    def edit(self, view: ModelView) -> Edit:
        """Add the scales; alone, with the head, they train."""
        options = {"feedforward_modules": self.feedforward} if self.feedforward else {}
        edit = adapt(view, "ia3", "IA3", target=self.target, last=self.last, **options)
        return {**edit, "lr_scale": (("*", self.factor),)}
