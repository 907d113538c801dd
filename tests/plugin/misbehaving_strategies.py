"""Strategies of a third party: two that work, and one for each way to go wrong."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.plan import Edit, throughout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn
    from torch.optim import Optimizer

    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class Topmost:
    """Train the head and the topmost layers, a `share` of all."""

    share: float = 0.25

    def edit(self, view: ModelView) -> Edit:
        """Train the top of the model alone."""
        last = round(self.share * (len(view.names) - 2))
        return Edit(phases=throughout(view.names[-(1 + last) :]))


def adamw(groups: Sequence[Mapping[str, Any]]) -> Optimizer:
    """Make the AdamW that there is anyway."""
    import torch  # noqa: PLC0415  (the command lists strategies without it)

    return torch.optim.AdamW([dict(group) for group in groups], fused=True)


@dataclass(frozen=True, slots=True)
class OwnAdamw:
    """Train everything, as `full` does, by an AdamW of its own."""

    def edit(self, view: ModelView) -> Edit:
        """Bring the optimizer."""
        return Edit(phases=throughout(view.names), optimizer=adamw)


@dataclass(frozen=True, slots=True)
class Confused:
    """Raise before there is a plan."""

    def edit(self, view: ModelView) -> Edit:
        """Never give an edit."""
        msg = f"no idea what to do with {len(view.names)} layers\nnor with any other number"
        raise RuntimeError(msg)


def stumble(_model: nn.Module, step: int) -> None:
    """Raise after the second step."""
    if step == 1:
        msg = "stumbled over a stone"
        raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Stumbling:
    """Train the head, and raise in the middle of it; a first step alone works."""

    def edit(self, view: ModelView) -> Edit:
        """Hook into the loop."""
        return Edit(phases=throughout({view.head}), after_step=(stumble,))


def pause(_model: nn.Module, step: int) -> None:
    """After the second step, leave a file with this process' id, and wait until it is taken away."""
    if step == 1:
        paused = Path(os.environ["PAUSED"])
        paused.with_suffix(".new").write_text(str(os.getpid()))
        paused.with_suffix(".new").rename(paused)
        while paused.exists():
            time.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Pausing:
    """Train the head, and pause in the middle of it until told to go on."""

    def edit(self, view: ModelView) -> Edit:
        """Hook into the loop."""
        return Edit(phases=throughout({view.head}), after_step=(pause,))


@dataclass(frozen=True, slots=True)
class Leaving:
    """End the interpreter where there should be a plan."""

    def edit(self, view: ModelView) -> Edit:
        """Never give an edit."""
        sys.exit(len(view.names) and 7)


@dataclass(frozen=True, slots=True)
class Ending:
    """End the process at once, as if all were well."""

    def edit(self, view: ModelView) -> Edit:
        """Never give an edit."""
        os._exit(len(view.names) and 0)


@dataclass(frozen=True, slots=True)
class Forking:
    """Leave a second process behind that sleeps."""

    def edit(self, view: ModelView) -> Edit:
        """Set nothing."""
        if not os.fork():
            time.sleep(10 * len(view.names))
        return Edit()


@dataclass(frozen=True, slots=True)
class Chatting:
    """Train everything, as `full` does, and print three megabytes about it."""

    def edit(self, view: ModelView) -> Edit:
        """Set nothing."""
        for stream in (sys.stdout, sys.stderr):
            print(f"{len(view.names)} layers! " * 250_000, file=stream)
        return Edit()
