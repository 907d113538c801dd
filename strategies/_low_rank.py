"""AdamW whose moments of some matrices are of a projection of their gradients."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from random import Random
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch.optim import Optimizer
from torch.optim.adamw import adamw

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

__all__ = ["ApolloAdamW", "GaloreAdamW"]

BETAS, EPS = (0.9, 0.999), 1e-8
"""Of AdamW as torch has it, which is the baseline."""
EPS_OF_PROJECTED = 1e-6
"""As in the code of both papers: a projection leaves rounding where a gradient has nothing, of which less would make steps."""
TINY = 1e-30
"""A norm below which nothing is divided by it."""


class LowRankAdamW(Optimizer, ABC):
    """AdamW, but for matrices whose update is made from moments of low rank. The decay of weights is decoupled in both."""

    def __init__(
        self, groups: Sequence[Mapping[str, Any]], projected: Collection[torch.Tensor], *, rank: int, every: int
    ) -> None:
        """Step the `projected` parameters by moments of rank `rank`, in a space that is renewed in every `every`th step."""
        super().__init__([dict(group) for group in groups], {})
        self._projected = {id(param) for param in projected}
        self._rank, self._every = rank, every

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Take one step."""
        del closure
        for group in self.param_groups:
            having = [param for param in group["params"] if param.grad is not None]
            self._step_by_adamw([param for param in having if id(param) not in self._projected], group)
            for param in having:
                if id(param) in self._projected:
                    update = self._update(self.state[param], param.grad.float())
                    param.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-group["lr"])

    @abstractmethod
    def _update(self, state: dict[str, Any], grad: torch.Tensor) -> torch.Tensor:
        """Return what a matrix moves by against, per unit of the rate: as the gradient, (outputs, inputs)."""

    def _begin(self, state: dict[str, Any]) -> bool:
        """Count a step of one matrix, and say whether its space is to be renewed."""
        state["step"] = state.get("step", 0) + 1
        return bool((state["step"] - 1) % self._every == 0)

    def _step_by_adamw(self, params: list[torch.Tensor], group: Mapping[str, Any]) -> None:
        """Step as the baseline does, by the same kernel."""
        for param in params:
            if not self.state[param]:
                self.state[param] |= {
                    "step": torch.zeros((), device=param.device),
                    "exp_avg": torch.zeros_like(param),
                    "exp_avg_sq": torch.zeros_like(param),
                }
        if not params:
            return
        states = [self.state[param] for param in params]
        adamw(
            params,
            [param.grad for param in params if param.grad is not None],  # which they all have
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            fused=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=EPS,
            maximize=False,
        )


def _by_moments(state: dict[str, Any], low: torch.Tensor) -> torch.Tensor:
    """The direction of Adam for a projected gradient (rank, long side), with its moments in `state`."""
    if "exp_avg" not in state:
        state |= {"exp_avg": torch.zeros_like(low), "exp_avg_sq": torch.zeros_like(low)}
    first: torch.Tensor = state["exp_avg"]
    second: torch.Tensor = state["exp_avg_sq"]
    first.lerp_(low, 1 - BETAS[0])
    second.mul_(BETAS[1]).addcmul_(low, low, value=1 - BETAS[1])
    share_1, share_2 = (1 - beta ** state["step"] for beta in BETAS)
    direction: torch.Tensor = (first / share_1).div_((second / share_2).sqrt_().add_(EPS_OF_PROJECTED))
    return direction


class GaloreAdamW(LowRankAdamW):
    """Moments in the space of the leading singular vectors of a gradient, on its shorter side (Zhao et al. 2024, Algorithm 2).

    The moments stay when the space is renewed, as in the paper.
    """

    def __init__(self, *args: Any, scale: float, **kwargs: Any) -> None:
        """Scale the update by `scale`."""
        super().__init__(*args, **kwargs)
        self._scale = scale

    def _update(self, state: dict[str, Any], grad: torch.Tensor) -> torch.Tensor:
        is_wide = grad.shape[0] <= grad.shape[1]
        if self._begin(state):
            left, _, right = torch.linalg.svd(grad, full_matrices=False)
            of_side = left[:, : self._rank] if is_wide else right[: self._rank].T
            state["projector"] = of_side.clone(memory_format=torch.contiguous_format)  # (short side, rank)
        space: torch.Tensor = state["projector"]
        moved = _by_moments(state, space.T @ grad if is_wide else space.T @ grad.T)
        update = space @ moved
        return (update if is_wide else update.T).mul_(self._scale)


class ApolloAdamW(LowRankAdamW):
    """The gradient itself, scaled as Adam would scale a random projection of it (Zhu et al. 2024, Algorithm 1).

    A projection is drawn anew from its seed in each step, so that none is kept.
    """

    GROWTH = 1.01
    """The most by which the norm of an update may grow from one step to the next."""

    def __init__(self, *args: Any, scale: float | None, per: Literal["channel", "tensor"], **kwargs: Any) -> None:
        """Scale each channel of a matrix, or the whole of it (`per`), by what Adam would, times `scale`.

        None is the root of the matrix's shorter side over the rank: a projected step is shorter by that (Theorem 4.2).
        """
        super().__init__(*args, **kwargs)
        self._scale, self._per = scale, per
        self._seeds = Random(torch.initial_seed())  # noqa: S311  (no secret)

    def _update(self, state: dict[str, Any], grad: torch.Tensor) -> torch.Tensor:
        is_wide = grad.shape[0] <= grad.shape[1]
        wide = grad if is_wide else grad.T
        if self._begin(state):
            state["seed"] = self._seeds.getrandbits(32)
        low = random_projection(state["seed"], self._rank, wide) @ wide
        side = {"dim": 0} if self._per == "channel" else {}
        scale = _by_moments(state, low).norm(**side) / low.norm(**side).clamp(min=TINY)
        factor = math.sqrt(len(wide) / self._rank) if self._scale is None else self._scale
        update = self._limited(state, wide * scale).mul_(factor)
        return update if is_wide else update.T

    def _limited(self, state: dict[str, Any], update: torch.Tensor) -> torch.Tensor:
        """Let the norm grow by no more than a share; nothing here waits for the device."""
        norm = update.norm()
        last = state.get("norm", norm)
        limit = torch.where(last > 0, self.GROWTH * last / norm.clamp(min=TINY), 1.0).clamp(max=1.0)
        state["norm"] = norm * limit
        return update.mul_(limit)


def random_projection(seed: int, rank: int, wide: torch.Tensor) -> torch.Tensor:
    """A matrix of normal numbers of variance 1 / rank that projects the rows of `wide`: (rank, rows)."""
    generator = torch.Generator(wide.device).manual_seed(seed)
    drawn = torch.randn(rank, len(wide), generator=generator, device=wide.device)
    return drawn / math.sqrt(rank)
