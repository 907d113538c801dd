"""AdamW for weights in bf16 whose writes are rounded by lot, so that small steps are not lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ._update_rules import ByParameter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["StochasticAdamW", "round_stochastically"]

BETAS, EPS = (0.9, 0.999), 1e-8
PART = 1 << 20
"""Numbers that are stepped at once, in fp32: more would be memory that the strategy is there to save."""
SALT = 0xBF16
"""So that the lots are not those of dropout."""


class StochasticAdamW(ByParameter):
    """AdamW with its arithmetic in fp32; weights and moments stay in their type, and are rounded by lot where that is bf16."""

    def __init__(self, groups: Sequence[Mapping[str, Any]]) -> None:
        """Draw from the seed of the run."""
        super().__init__([dict(group) for group in groups])
        self._lots: dict[torch.device, torch.Generator] = {}

    def _update(
        self, param: torch.Tensor, grad: torch.Tensor, state: dict[str, Any], lr: float, weight_decay: float
    ) -> None:
        if not state:
            state |= {"step": 0, "exp_avg": torch.zeros_like(param), "exp_avg_sq": torch.zeros_like(param)}
        state["step"] += 1
        share_1, share_2 = (1 - beta ** state["step"] for beta in BETAS)
        kept = (param, state["exp_avg"], state["exp_avg_sq"])
        parts = (tensor.view(-1).split(PART) for tensor in kept)
        for *stored, part in zip(*parts, grad.reshape(-1).split(PART), strict=True):
            weight, first, second = (tensor.float() for tensor in stored)
            slope = part.float()
            first = first.lerp(slope, 1 - BETAS[0])
            second = second.mul(BETAS[1]).addcmul_(slope, slope, value=1 - BETAS[1])
            step = (first / share_1).div_((second / share_2).sqrt_().add_(EPS))
            weight = weight.mul(1 - lr * weight_decay).sub_(step, alpha=lr)
            for tensor, value in zip(stored, (weight, first, second), strict=True):
                tensor.copy_(self._rounded(value) if tensor.dtype == torch.bfloat16 else value)

    def _rounded(self, values: torch.Tensor) -> torch.Tensor:
        if values.device not in self._lots:
            lots = torch.Generator(values.device).manual_seed(torch.initial_seed() ^ SALT)
            self._lots[values.device] = lots
        return round_stochastically(values, self._lots[values.device])


def round_stochastically(values: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Round fp32 to one of the two nearest numbers of bf16, the nearer the likelier: right on average."""
    # bf16 is the upper half of fp32: what is added to the lower half carries over as often as that half is large.
    lots = torch.randint(1 << 16, values.shape, dtype=torch.int32, device=values.device, generator=generator)
    bits = lots.add_(values.view(torch.int32)).bitwise_and_(-1 << 16)
    return bits.view(torch.float32).bfloat16()
