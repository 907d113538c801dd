"""Reads `weights`, `frozen_weights`: the type in which weights are stored."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import TYPE_CHECKING, Literal

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from bench.errors import Unsupported, first_line
from bench.measuring import host_memory

if TYPE_CHECKING:
    from collections.abc import Container
    from types import ModuleType

    from transformers import PreTrainedModel

    from bench.plan.train_plan import FrozenWeights

__all__ = ["store_introduced", "store_weights"]

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def store_weights(
    model: PreTrainedModel,
    trained: Container[str],
    *,
    weights: Literal["fp32", "bf16"],
    frozen_weights: FrozenWeights | None,
    precision: torch.dtype,
    device: torch.device,
) -> None:
    """Give every weight its type on `device`, one by one: there is never a second copy of the model in either.

    Args:
        model: As loaded, in any type, before any transform.
        trained: Names of the parameters that train at some time.
        weights: The type.
        frozen_weights: That of the matrices that never train, if it is another; the rest is little, and norms want it exact.
        precision: In which matrices are multiplied. What is not quantised is in bf16 only where that is a half one.
        device: Receives the model.

    Raises:
        Unsupported: bitsandbytes is missing or cannot do it, or the model has nothing to quantise.

    """
    dtype = _DTYPES[weights]
    computed = precision if dtype == torch.float32 else dtype
    frozen = {name for name, _ in model.named_parameters() if name not in trained}
    if frozen_weights in {"int8", "nf4"}:
        _quantise(model, frozen_weights, frozen, computed, device)
    of_frozen = torch.bfloat16 if frozen_weights and computed != torch.float32 else dtype
    for name, param in model.named_parameters():
        if param.is_floating_point():
            before = param.data
            moved = _moved(before, device, of_frozen if name in frozen and param.ndim > 1 else dtype)
            # One weight that stays in the file it is mapped from would keep the pages of all of them resident.
            param.data = before.clone() if frozen_weights and moved is before else moved
    _store_buffers(model, dtype, device)


def store_introduced(
    model: nn.Module, known: Container[nn.Parameter], *, weights: Literal["fp32", "bf16"], device: torch.device
) -> None:
    """Give what transforms have introduced, beside the `known` parameters, the type of `weights` on `device`."""
    for param in model.parameters():
        if param.is_floating_point() and param not in known:
            param.data = _moved(param.data, device, _DTYPES[weights])
    _store_buffers(model, _DTYPES[weights], device)


def _store_buffers(model: nn.Module, dtype: torch.dtype, device: torch.device) -> None:
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            # Positions are far apart from each other in fp32 alone, in which transformers leaves them, too.
            kept = not buffer.is_floating_point() or name.endswith("inv_freq")
            setattr(module, name, _moved(buffer, device, buffer.dtype if kept else dtype))


def _moved(tensor: torch.Tensor, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """Move first: what arrives is cast where it stays, and a GPU is sent no more bytes than the checkpoint has."""
    return tensor.to(device).to(dtype)


def _quantise(
    model: PreTrainedModel,
    kind: Literal["int8", "nf4"],
    frozen: Container[str],
    dtype: torch.dtype,
    device: torch.device,
) -> None:
    """Store the weights of linear layers that never train in 8 or 4 bits, one by one, each from the type it was loaded in.

    Embeddings, norms, the head, and what a layer shares with another stay as they are. GPT-2's layers are turned round,
    into linear ones. Adapters find what transformers leaves on a model that it quantised. They will mostly be multiplied in `dtype`.
    """
    layers = _quantised_layers(kind)
    make = {"int8": layers.Int8Linear, "nf4": layers.NF4Linear}[kind]
    num_owners = Counter(id(param) for module in model.modules() for param in module.parameters(recurse=False))
    in_body = set(model.base_model.modules())
    # Layers that look at the type of these, and would take what is packed for a type of inputs.
    exact = {*(model._keep_in_fp32_modules or ()), *(model._keep_in_fp32_modules_strict or ())}  # noqa: SLF001
    chosen = {
        name: module
        for name, module in model.named_modules()
        if type(module) in (nn.Linear, Conv1D)
        and module in in_body
        and f"{name}.weight" in frozen
        and num_owners[id(module.weight)] == 1
        and exact.isdisjoint(name.split("."))
    }
    if not chosen:
        raise Unsupported(
            f"{type(model).__name__} has no linear layer that never trains, which could be stored in {kind}"
        )
    for name, module in chosen.items():
        weight = module.weight.data.to(device)
        is_turned = isinstance(module, Conv1D)
        try:
            layer = make(weight.t() if is_turned else weight, module.bias, dtype)
        except (NotImplementedError, RuntimeError, ValueError) as error:
            if "memory" in str(error):
                raise
            msg = f"bitsandbytes cannot store {name}, of {tuple(weight.shape)}, in {kind}: {first_line(error)}"
            raise Unsupported(msg) from error
        layer.is_turned = is_turned
        model.set_submodule(name, layer.train(module.training))
        del weight
        host_memory.release_free_memory()
    setattr(model, {"int8": "is_loaded_in_8bit", "nf4": "is_loaded_in_4bit"}[kind], True)


def _quantised_layers(kind: str) -> ModuleType:
    """Import what needs bitsandbytes; its log is silent (see `bench.workload`)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from bench.training.savings import quantised_linear  # noqa: PLC0415
    except ImportError as error:
        raise Unsupported(f"weights in {kind} need bitsandbytes: pip install 'finetune-bench[bnb]'") from error
    return quantised_linear
