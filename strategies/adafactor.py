"""Adafactor: second moments by rows and columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.plan import Edit

from ._optimizers import ByRule, check_positive

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Adafactor:
    """Keep of each matrix one second moment per row and column: next to no state; `scale_parameter=yes` makes steps relative to its size.

    Steps are as long as AdamW's otherwise, as those of transformers' Trainer. `factor` is 1, and 25 where they are relative.

    Source: Shazeer and Stern 2018, arXiv 1804.04235.
    """

    scale_parameter: bool = False
    factor: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        check_positive("adafactor", factor=self._factor)

    @property
    def _factor(self) -> float:
        by_default = 25.0 if self.scale_parameter else 1.0  # matrices of pretrained models are about 0.04 in size
        return by_default if self.factor is None else self.factor

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002  (it is the same for every model)
        """Bring the optimizer, and its rates."""
        rule = ByRule("Adafactor", "Adafactor", (("scale_parameter", self.scale_parameter),), self._factor)
        return Edit(optimizer=rule, lr_scale=(("*", self._factor),))
