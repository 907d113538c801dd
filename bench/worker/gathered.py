"""A model whose parameters are cut among the ranks, put together on rank 0: in the memory of the host, as no device has room for all of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import torch

from bench.errors import Unsupported
from bench.training.forward.padded import untried
from bench.training.parallel.base import is_cut
from bench.training.parallel.parts import as_cut, how_cut, local

if TYPE_CHECKING:
    from torch import nn

    from bench.plan.train_plan import Precision as Name
    from bench.training.prepared import Prepared
    from bench.worker.assemble import Inputs

__all__ = ["gathered"]

_HOST = torch.device("cpu")
_NAMES: dict[torch.dtype, Name] = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}


def gathered(prepared: Prepared, inputs: Inputs) -> Prepared | None:
    """Load the model anew, apply the plan to it, and give it what was trained; all ranks must ask, and rank 0 alone gets it.

    On a device lies one parameter at a time as a whole.

    Raises:
        Unsupported: the model that was made anew has other parameters than the one that was trained.

    """
    whole = None if prepared.parallel.rank else _anew(prepared, inputs)
    into = {} if whole is None else _tensors(whole.model)
    found = _tensors(prepared.model)
    if whole is not None and (other := sorted(into.keys() ^ found.keys())):
        raise Unsupported(f"{other[0]} is in the model that was trained or in the same one made anew, and not in both")
    with torch.no_grad(), prepared.evaluating():
        for name, tensor in found.items():
            values = _whole(tensor, prepared.device)
            if whole is not None:
                into[name].copy_(values)
    return whole


def _anew(prepared: Prepared, inputs: Inputs) -> Prepared:
    """What the model was before it was cut, on the host: weights of the same types, with the same transforms."""
    precision = _NAMES[prepared.precision.dtype]
    plan = replace(prepared.plan, parallel=None, precision=precision, optimizer=None, cache_prefix=False, compile=False)
    return inputs.loaded_again().prepare(_HOST, plan=plan, choose=untried)


def _tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def _whole(tensor: Any, device: torch.device) -> torch.Tensor:
    """All of a tensor, gathered on the device, by which ranks talk, wherever the parts wait."""
    if not is_cut(tensor):
        return cast("torch.Tensor", tensor)
    there: Any = as_cut(local(tensor).to(device), how_cut(tensor), tensor.device_mesh)
    return cast("torch.Tensor", there.full_tensor())
