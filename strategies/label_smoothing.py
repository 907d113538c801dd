"""Targets that are not quite certain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.plan import Edit

if TYPE_CHECKING:
    import torch
    from torch import nn

    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class LabelSmoothing:
    """Train towards labels of which a share `epsilon` is spread over all classes; evaluated with the plain loss.

    Source: Szegedy et al. 2015, arXiv 1512.00567.
    """

    epsilon: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        if not 0 <= self.epsilon < 1:
            raise UsageError(f"label_smoothing:epsilon={self.epsilon:g} cannot be: it is a share of 0 to below 1")

    def edit(self, view: ModelView) -> Edit:  # noqa: ARG002  (the loss does not depend on the model)
        """Bring the loss, which this strategy is itself."""
        return Edit(loss=self)

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor, model: nn.Module) -> torch.Tensor:  # noqa: ARG002  (a loss may look at it)
        """Return the mean cross-entropy with smoothed targets."""
        from torch.nn.functional import cross_entropy  # noqa: PLC0415  (a list of strategies does without torch)

        return cross_entropy(logits, targets, label_smoothing=self.epsilon)
