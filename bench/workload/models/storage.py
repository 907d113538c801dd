"""The type in which a checkpoint stores its weights, kept as the model is loaded: no second copy of a large model is made."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING

import torch
from safetensors import safe_open

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from torch import nn
    from transformers import PreTrainedModel

__all__ = ["computing_in_fp32", "draw_in_fp32", "stored_dtype"]

_HALF = {"BF16": torch.bfloat16, "F16": torch.float16}


def stored_dtype(files: Iterable[Path]) -> torch.dtype:
    """The half precision in which all weights of a checkpoint are stored, else fp32: by the files, whatever config.json says."""
    kinds: set[str] = set()
    for file in files:
        with safe_open(file, framework="pt") as opened:
            kinds |= {opened.get_slice(name).get_dtype() for name in opened.keys()}  # noqa: SIM118  (it is no mapping)
    floating = {kind for kind in kinds if "F" in kind}
    return _HALF.get(floating.pop(), torch.float32) if len(floating) == 1 else torch.float32


def draw_in_fp32(model: PreTrainedModel, seed: int) -> None:
    """Initialise anew, in fp32, what a checkpoint in half precision lacks: the values are those of a model loaded in fp32.

    Args:
        model: As transformers loaded it, which marks what it took from the checkpoint.
        seed: For torch's global random state.

    """
    for tensor in chain(model.parameters(), model.buffers()):
        if _is_half(tensor) and not getattr(tensor, "_is_hf_initialized", False):
            tensor.data = tensor.data.float()
    for module in model.modules():
        module._is_hf_initialized = False  # type: ignore[assignment]  # noqa: SLF001  (else it is passed over)
    torch.manual_seed(seed)
    model.initialize_weights()


@contextmanager
def computing_in_fp32(model: nn.Module) -> Iterator[None]:
    """Let a model compute in fp32, without gradients, whatever its weights are stored in: each module's own only as it runs."""
    widened: list[list[tuple[torch.Tensor, torch.Tensor]]] = []

    def widen(module: nn.Module, *_: object) -> None:
        own = [tensor for tensor in _own(module) if _is_half(tensor)]
        widened.append([(tensor, tensor.data) for tensor in own])
        for tensor in own:
            tensor.data = tensor.data.float()

    def restore(*_: object) -> None:
        for tensor, data in widened.pop():
            tensor.data = data

    handles = []
    for module in model.modules():
        if any(map(_is_half, _own(module))):
            handles += [
                module.register_forward_pre_hook(widen),
                module.register_forward_hook(restore, always_call=True),
            ]
    try:
        with torch.no_grad():
            yield
    finally:
        for handle in handles:
            handle.remove()


def _own(module: nn.Module) -> Iterator[torch.Tensor]:
    return chain(module.parameters(recurse=False), module.buffers(recurse=False))


def _is_half(tensor: torch.Tensor) -> bool:
    return tensor.dtype in _HALF.values()
