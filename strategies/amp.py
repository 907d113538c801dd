"""Automatic mixed precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.plan import Edit

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Amp:
    """Compute matrix products in half precision over fp32 weights; fp16 brings its GradScaler.

    Source: Micikevicius et al. 2017, arXiv 1710.03740.
    """

    dtype: Literal["auto", "bf16", "fp16"] = "auto"

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002  (precision does not depend on the model)
        """Set the precision of the autocast; auto is what the device does natively."""
        return Edit(precision="amp" if self.dtype == "auto" else self.dtype)
