"""How the processes of a run may share it, and what the report says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from bench.plan.view import ModelView

__all__ = ["Sharing", "cuts", "in_words", "offloads"]

Sharing = Literal["replicate", "shard", "shard-offload"]
"""Every process has the whole model, or a part of each parameter; on its device, or in the host's memory."""

_WORDS: dict[Sharing, str] = {
    "replicate": "every process of the run has the whole model",
    "shard": "weights, gradients and optimizer state are cut among the processes of the run",
    "shard-offload": "weights, gradients and optimizer state are cut among the processes of the run, and wait in the host's memory",
}


def cuts(how: Sharing | None) -> bool:
    """Whether each process has parts of parameters alone."""
    return how in {"shard", "shard-offload"}


def offloads(how: Sharing | None) -> bool:
    """Whether these parts wait in the host's memory, where the optimizer takes its steps."""
    return how == "shard-offload"


def in_words(how: Sharing, _view: ModelView) -> str:
    """What the report says."""
    return _WORDS[how]
