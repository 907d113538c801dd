"""Muon for matrices, AdamW for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.plan import Edit

from ._optimizers import ByRule, check_positive, check_shares

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Muon:
    """Step matrices of layers and adapters along their orthogonalised momentum, and by AdamW what is left: embeddings, norms, biases, head.

    Updates are as large as AdamW's (Liu et al. 2025, arXiv 2502.16982), so that one rate serves both; rates are `factor` times AdamW's.

    Source: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon.
    """

    momentum: float = 0.95
    factor: float = 5.0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        check_shares("muon", momentum=self.momentum)
        check_positive("muon", factor=self.factor)

    def edit(self, view: ModelView) -> Edit:
        """Bring the optimizer, and its rates."""
        label = "Muon for matrices of layers and adapters, AdamW for the rest"
        apart = (view.names[0], view.head)
        rule = ByRule("Muon", label, (("momentum", self.momentum), ("apart", apart)), self.factor)
        return Edit(optimizer=rule, lr_scale=(("*", self.factor),))
