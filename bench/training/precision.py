"""Autocast and the gradient scaler, behind forward(), backward() and step().

The order for a scaler is unscale, clip, step, update, and one object keeps it. bf16 has the
range of fp32 and needs no scaler; fp16 gets one, always.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from bench.errors import Unsupported
from bench.training.target import target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from torch.optim import Optimizer

    from bench.plan.train_plan import Precision as Name

    Norm = Callable[[Sequence[torch.Tensor]], torch.Tensor]

__all__ = ["Precision", "is_mixed", "observe_dtypes", "resolve_dtype"]

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def resolve_dtype(name: Name, device: torch.device) -> torch.dtype:
    """The type in which matmuls run; "amp" is the half precision native to the device.

    On a GPU without native bf16 (compute capability below 8.0) that is fp16: torch emulates
    bf16 there, slowly, and says that it is supported.

    Raises:
        Unsupported: a CPU does no half precision natively and "amp" leaves the choice open,
            or bf16 was asked for by name on a GPU that only emulates it.

    """
    aim = target(device)
    native = aim.has_native_bf16
    if name == "amp" and not native and aim.kind == "cpu":
        msg = "this CPU has no native bf16 (avx512_bf16 or AMX), and emulated it is far slower than fp32; amp:dtype=bf16 runs it all the same"
        raise Unsupported(msg)
    if name == "amp":
        return torch.bfloat16 if native else torch.float16
    if name == "bf16" and not native and aim.kind == "cuda":
        msg = f"{aim.name} has no native bf16; amp:dtype=fp16 is what it does fast"
        raise Unsupported(msg)
    return _DTYPES[name]


def is_mixed(model: nn.Module) -> bool:
    """Whether weights are stored in several types, so that the model runs under the autocast it was prepared for and not without."""
    return len({param.dtype for param in model.parameters() if param.is_floating_point()}) > 1


class Precision:
    """The numeric side of a training step."""

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        """Run matmuls in `dtype` on `device`; float32 leaves autocast off."""
        self.dtype = dtype
        self.num_skipped_steps = 0
        self._device = device
        self._autocast = dtype != torch.float32
        self.scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
        self._scale = self.scaler.get_scale()

    def forward(self) -> AbstractContextManager[object]:
        """Open the context of a forward pass and its loss."""
        return torch.autocast(self._device.type, dtype=self.dtype if self._autocast else None, enabled=self._autocast)

    def backward(self, loss: torch.Tensor) -> None:
        """Add the gradients of `loss`, a scalar, to those that are there."""
        self.scaler.scale(loss).backward()

    def step(
        self, optimizer: Optimizer, params: Iterable[nn.Parameter], max_norm: float, *, norm_of: Norm = get_total_norm
    ) -> None:
        """Clip the gradients to a joint norm, as `norm_of` finds it, and step, unless fp16 overflowed, and adapt the loss scale."""
        self.scaler.unscale_(optimizer)
        _clip(optimizer, list(params), max_norm, norm_of, in_step=not self.scaler.is_enabled())
        self.scaler.step(optimizer)
        vars(optimizer).pop("grad_scale", None)
        self.scaler.update()

    def was_skipped(self) -> bool:
        """Whether the step that was just taken moved nothing, since fp16 overflowed: to be asked once after each."""
        if not self.scaler.is_enabled():
            return False
        before, self._scale = self._scale, self.scaler.get_scale()  # which waits for the device
        skipped = self._scale < before  # it falls when, and only when, the step was skipped
        self.num_skipped_steps += skipped
        return skipped

    def state(self) -> dict[str, Any]:
        """What another process goes on from."""
        return {"scaler": self.scaler.state_dict(), "num_skipped_steps": self.num_skipped_steps}

    def go_on_from(self, state: Mapping[str, Any]) -> None:
        """Be what `state` returned in another process."""
        self.num_skipped_steps = state["num_skipped_steps"]
        self.scaler.load_state_dict(state["scaler"])
        self._scale = self.scaler.get_scale()


def _clip(
    optimizer: Optimizer, params: Sequence[nn.Parameter], max_norm: float, norm_of: Norm, *, in_step: bool
) -> None:
    """Scale the gradients down to a joint norm; a fused optimizer of torch does it in the same pass over them as its step.

    What wraps or extends one may say that it can and not look: for it the gradients are scaled here. The kernel divides gradients by `grad_scale`, as it does for a GradScaler, which needs that
    for itself (`in_step` is False then).
    """
    norm = norm_of([param.grad for param in params if param.grad is not None])
    is_of_torch = type(optimizer).__module__.startswith("torch.optim.")
    if not (in_step and is_of_torch and getattr(optimizer, "_step_supports_amp_scaling", False)):
        clip_grads_with_norm_(params, max_norm, norm)
        return
    # In fp32 whatever the weights are: the kernel reads it as such.
    optimizer.grad_scale = ((norm.float() + 1e-6) / max_norm).clamp(min=1.0)  # type: ignore[attr-defined]


@contextmanager
def observe_dtypes(model: nn.Module) -> Iterator[set[torch.dtype]]:
    """Collect the types in which the model's linear layers compute while the context is open."""
    seen: set[torch.dtype] = set()

    def note(_module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        seen.add(output.dtype)

    handles = [module.register_forward_hook(note) for module in model.modules() if isinstance(module, nn.Linear)]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
