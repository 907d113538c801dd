"""What optimizers do with a gradient: those of torch, and own lines for others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.optim import SGD, Optimizer

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Lion", "sgd"]


def sgd(groups: Sequence[dict[str, Any]], *, momentum: float) -> SGD:
    """As torch has it; the decay of weights is a part of the gradient (L2)."""
    return SGD(groups, momentum=momentum, fused=True)


class _ByParameter(Optimizer):
    """Steps one parameter after the other, with no more memory for passing values than the largest needs."""

    def __init__(self, groups: Sequence[dict[str, Any]]) -> None:
        """Keep `groups` as they are; a rule has no defaults for them."""
        super().__init__(groups, {})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Take one step."""
        del closure
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    self._update(param, param.grad, self.state[param], group["lr"], group["weight_decay"])

    def _update(
        self, param: torch.Tensor, grad: torch.Tensor, state: dict[str, Any], lr: float, weight_decay: float
    ) -> None:
        """Move a parameter; `state` is empty in its first step."""
        raise NotImplementedError


class Lion(_ByParameter):
    """The sign of a mean of gradients (Chen et al. 2023, Algorithm 2); the decay of weights is decoupled."""

    def __init__(self, groups: Sequence[dict[str, Any]], *, beta1: float, beta2: float) -> None:
        """Step by `beta1` of the momentum, and keep `beta2` of it."""
        super().__init__(groups)
        self._beta1, self._beta2 = beta1, beta2

    def _update(
        self, param: torch.Tensor, grad: torch.Tensor, state: dict[str, Any], lr: float, weight_decay: float
    ) -> None:
        if not state:
            state["exp_avg"] = torch.zeros_like(param)
        momentum = state["exp_avg"]
        param.mul_(1 - lr * weight_decay).sub_(momentum.lerp(grad, 1 - self._beta1).sign_(), alpha=lr)
        momentum.lerp_(grad, 1 - self._beta2)
