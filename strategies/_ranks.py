"""What AdaLoRA does beside its adapters: it keeps their factors orthogonal, and masks what matters least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch import nn

    from bench.plan import ModelView

__all__ = ["KeptOrthogonal", "MovedRanks", "check_ranks"]


def check_ranks(init_r: int, target_r: int, num_idle_steps: int, num_steps: int) -> None:
    """Refuse ranks that cannot shrink, and a run in which no step is left for them to move in."""
    if not 1 <= target_r <= init_r:
        raise UsageError(
            f"adalora:init_r={init_r}:target_r={target_r} cannot be: ranks shrink from init_r to target_r, 1 at least"
        )
    if num_idle_steps >= num_steps:
        raise UsageError(f"adalora: tinit and tfinal are {num_idle_steps} steps of {num_steps}: ranks move in no step")


@dataclass(frozen=True, slots=True)
class KeptOrthogonal:
    """The cross-entropy, and `weight` times the mean distance of A Aᵀ and Bᵀ B from the identity, over all factors."""

    weight: float

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor, model: nn.Module) -> torch.Tensor:
        """Return the mean loss of the rows."""
        import torch  # noqa: PLC0415  (a strategy is read without it)

        named = [(name, param) for name, param in model.named_parameters() if "lora_A" in name or "lora_B" in name]
        products = [param @ param.T if "lora_A" in name else param.T @ param for name, param in named]
        distances = [torch.linalg.matrix_norm(one - torch.eye(len(one), out=torch.empty_like(one))) for one in products]
        return torch.nn.functional.cross_entropy(logits, targets) + self.weight * torch.stack(distances).mean()

    def describe(self, _view: ModelView) -> str:
        """Say what is added to the loss."""
        return f"plus {self.weight:g} times the mean distance of the adapters' factors from orthogonal ones"


@dataclass(frozen=True, slots=True)
class MovedRanks:
    """After each step, the least important directions of all adapters are masked, down to the budget of that step."""

    def __call__(self, model: Any, step: int) -> None:
        """Let peft look at the gradients, and choose."""
        model.base_model.update_and_allocate(step)

    def describe(self, _view: ModelView) -> str:
        """Say what happens after a step."""
        return "ranks move between layers"
