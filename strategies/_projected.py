"""Which matrices the optimizers of projected gradients take, and how they are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bench.errors import Unsupported, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch
    from torch.optim import Optimizer

    from bench.plan import ModelView

__all__ = ["Apollo", "Galore"]


@dataclass(frozen=True, slots=True)
class _Projected:
    """Weights of the body that have more than `r` rows and columns are projected; the rest trains by AdamW."""

    body: tuple[str, ...]
    r: int
    every: int

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.r < 1 or self.every < 1:
            told = f"{type(self).__name__.lower()}:r={self.r}:every={self.every}"
            raise UsageError(f"{told} cannot be: a rank is 1 or more, and so is a number of steps")

    def chosen(self, groups: Sequence[Mapping[str, Any]]) -> list[torch.Tensor]:
        """Choose the parameters that are projected.

        Raises:
            Unsupported: there are none.

        """
        chosen = [
            param
            for group in groups
            for param, layer, kind in zip(group["params"], group["layers"], group["kinds"], strict=True)
            if kind == "weight" and layer in self.body and param.ndim == 2 and min(param.shape) > self.r  # noqa: PLR2004
        ]
        if not chosen:
            name = type(self).__name__.lower()
            raise Unsupported(
                f"{name}:r={self.r} projects matrices below the head with more than {self.r} rows and columns, and none "
                f"trains: leave it out, or let such weights train, as in full+{name} and freeze:last=2+{name}"
            )
        return chosen

    def describe(self, _view: ModelView) -> str:
        """Say what is projected, and how often onto something new."""
        return (
            f"AdamW, its moments of matrices below the head projected to rank {self.r}, anew every {self.every} steps"
        )


@dataclass(frozen=True, slots=True)
class Galore(_Projected):
    """Makes the optimizer of `galore`."""

    scale: float

    def __call__(self, groups: Sequence[Mapping[str, Any]]) -> Optimizer:
        """Build it."""
        from ._low_rank import GaloreAdamW  # noqa: PLC0415  (torch)

        return GaloreAdamW(groups, self.chosen(groups), rank=self.r, every=self.every, scale=self.scale)

    def describe(self, _view: ModelView) -> str:
        """Say what trains how."""
        return (
            f"matrices below the head move along {self.r} directions of their gradients, found anew every {self.every} "
            f"steps, by {self.scale:g} times AdamW's step; AdamW for the rest"
        )


@dataclass(frozen=True, slots=True)
class Apollo(_Projected):
    """Makes the optimizer of `apollo`."""

    scale: float | None
    per: Literal["channel", "tensor"]

    def __call__(self, groups: Sequence[Mapping[str, Any]]) -> Optimizer:
        """Build it."""
        from ._low_rank import ApolloAdamW  # noqa: PLC0415  (torch)

        chosen = self.chosen(groups)
        return ApolloAdamW(groups, chosen, rank=self.r, every=self.every, scale=self.scale, per=self.per)

    def describe(self, _view: ModelView) -> str:
        """Say what trains how."""
        each = "each channel of them" if self.per == "channel" else "each as a whole"
        return (
            f"matrices below the head move by their gradients, {each} scaled by AdamW's moments of a random projection "
            f"to rank {self.r}, drawn anew every {self.every} steps; AdamW for the rest"
        )
