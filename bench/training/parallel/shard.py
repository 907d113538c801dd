"""Parameters, gradients and the optimizer's state are cut among the ranks; a layer is whole on each of them while it runs.

By torch's `fully_shard`, inside `prepare`: whoever asks for a parameter afterwards finds the part of it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, OffloadPolicy, fully_shard
from torch.nn.utils import get_total_norm

from bench.training.parallel.base import is_cut
from bench.training.parallel.group import Group

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from torch import nn

    from bench.plan.train_plan import TrainPlan

__all__ = ["Shard"]


@dataclass(frozen=True, slots=True)
class Shard(Group):
    """Every rank has a part of each parameter, and its own rows of each step."""

    offloads: bool = False
    """Whether the parts, their gradients and the optimizer's state wait in the host's memory, and not on the device."""
    cuts = True

    def cut(
        self, model: nn.Module, layers: Iterable[nn.Module], known: Iterable[nn.Parameter], plan: TrainPlan, /
    ) -> Mapping[nn.Parameter, nn.Parameter]:
        """Cut the parameters of a model, layer by layer, and move the parts to the device; return the new of the `known` ones.

        What trains at first must have been told apart by `requires_grad`: layers are looked at as they run first.
        """
        names = {id(param): name for name, param in model.named_parameters()}
        known = [param for param in known if id(param) in names]
        # Of layers whose output is a view, which nobody writes to: the losses would tell.
        warnings.filterwarnings("ignore", message="FSDP2-wrapped module")
        mesh = self.mesh or init_device_mesh(self.device.type, (self.num_ranks,))
        # Gradients of weights in bf16 are summed in fp32, as those of replicas are.
        policy = MixedPrecisionPolicy(reduce_dtype=torch.float32 if plan.weights == "bf16" else None)
        # In memory that a GPU copies from and to while it computes.
        offload = CPUOffloadPolicy(pin_memory=self.device.type == "cuda") if self.offloads else OffloadPolicy()
        # Also what stands beside the layers is cut again after each pass: else it would have other parameters after one.
        for module in (*layers, model):
            whole = list(module.parameters())
            cut: Any = fully_shard(
                module, mesh=mesh, mp_policy=policy, offload_policy=offload, reshard_after_forward=True
            )
            _empty(whole, model)
            cut.set_gradient_divide_factor(1.0)  # what a pass counts is in its loss already
            cut.set_force_sum_reduction_for_comms(True)  # gloo knows no other
        now = dict(model.named_parameters())
        return {param: now[names[id(param)]] for param in known}

    def last_backward(self, _params: object, /) -> None:
        """Leave it to torch, which sums gradients layer by layer in every backward pass, and so hides what that takes."""

    def reduce(self, loss: torch.Tensor, _mark: object, /) -> torch.Tensor:
        """Sum the loss."""
        dist.all_reduce(loss)
        return loss

    def norm(self, grads: Sequence[torch.Tensor], /) -> torch.Tensor:
        """The joint norm of gradients of which each rank has parts."""
        norm: Any = get_total_norm(grads)
        whole: torch.Tensor = norm.full_tensor() if is_cut(norm) else norm
        return whole

    def home(self, _device: torch.device, /) -> torch.device:
        """The host, from which each layer's parts go to the device by themselves."""
        return torch.device("cpu")

    def inferring(self) -> AbstractContextManager[object]:
        """Without gradients; what is gathered for a pass is used again by those that have them."""
        return torch.no_grad()

    def differ(self, _params: object, /) -> bool:
        """Each part is on one rank alone."""
        return False


def _empty(params: Iterable[nn.Parameter], model: nn.Module) -> None:
    """Take their numbers from parameters that `model` has parts of by now: whoever knows one would keep all of them on the device."""
    left = set(model.parameters())
    for param in params:
        if param not in left:
            param.data = param.new_empty(0)
