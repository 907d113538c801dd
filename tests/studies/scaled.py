"""Every default rate of a composition times the same factor: what a default is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.plan import Edit

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Scaled:
    """Scale all rates that nobody has set; their ratios to each other stay.

    Source: tests/studies/default_rates.py.
    """

    by: float = 1.0

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002  (rates are resolved for the model later)
        """Set the factor on default rates."""
        return Edit(lr_scale=(("*", self.by),))
