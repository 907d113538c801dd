"""What of a device decides how a model runs on it: asked here by whatever chooses a kernel, a type or a way to run.

A forecast lets the CPU that computes stand for the device that it is about, so that a laptop takes a GPU's path.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Target", "aiming_at", "kind_of", "target"]

Kind = Literal["cpu", "cuda"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A device, as far as choices depend on it."""

    kind: Kind
    name: str
    """As a message says it: "NVIDIA H100", "this CPU"."""
    has_native_bf16: bool
    """Whether matmuls in bf16 are its own: emulated they are no faster than fp32, and often far slower."""
    prefers_onednn: bool = False
    """Whether large linear layers in fp32 are faster by oneDNN than by torch's own way."""


_aimed: Target | None = None


def target(device: torch.device) -> Target:
    """Describe what `device` is, or stands for."""
    if _aimed is not None:
        return _aimed
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return Target(kind="cuda", name=torch.cuda.get_device_name(device), has_native_bf16=native)
    able = torch.cpu.get_capabilities()
    return Target(
        kind="cpu",
        name="this CPU",
        has_native_bf16=any(able.get(feature, False) for feature in ("avx512_bf16", "amx_bf16", "bf16")),
        prefers_onednn=_has_onednn() and str(able.get("cpu_name", "")).startswith("AMD") and bool(able.get("avx512_f")),
    )


def kind_of(device: torch.device) -> Kind:
    """Say what kind of device `device` is, or stands for; compiled code can follow it."""
    return cast("Kind", device.type) if _aimed is None else _aimed.kind


@contextmanager
def aiming_at(other: Target | None) -> Iterator[None]:
    """Let every device stand for `other` while the context is open; None is each for itself."""
    global _aimed  # noqa: PLW0603  (one process runs one model, and compiled code can read nothing else)
    before, _aimed = _aimed, other
    try:
        yield
    finally:
        _aimed = before


def _has_onednn() -> bool:
    """Whether this torch can be asked for oneDNN's matmul, which is no public function of it, beside that of MKL."""
    if not (torch.backends.mkl.is_available() and torch.backends.mkldnn.is_available()):
        return False
    return bool(torch.backends.mkldnn.enabled) and hasattr(torch.ops.mkldnn, "_linear_pointwise")
