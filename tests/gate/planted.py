"""Copies of this checkout with something planted in them: what a gate must find."""

from __future__ import annotations

import shutil
from pathlib import Path

__all__ = ["PLANTS", "ROOT", "plant"]

ROOT = Path(__file__).parents[2]

_SLOWER = """
import time as _time

_quick_step = Run._step

def _slow_step(self, *told):
    if hasattr(self, "step_began"):
        _time.sleep(0.1 * (_time.perf_counter() - self.step_began))
    _quick_step(self, *told)
    self.step_began = _time.perf_counter()

Run._step = _slow_step
"""

_LEAK = """
_tight_step = Run._step
_LEAKED = []

def _leaky_step(self, *told):
    if len(_LEAKED) < 32:
        _LEAKED.append(b"x" * (1 << 20))
    _tight_step(self, *told)

Run._step = _leaky_step
"""

_LABELS = """
_right_loss = cross_entropy

def cross_entropy(logits, labels):
    return _right_loss(logits, labels.roll(1))
"""

PLANTS = {
    "unchanged": ("worker/run.py", ""),
    "10 % slower": ("worker/run.py", _SLOWER),
    "32 MiB leaked": ("worker/run.py", _LEAK),
    "labels off by one": ("training/trainer.py", _LABELS),
}
"""The module of bench and what is added to its end."""


def plant(root: Path, what: str) -> Path:
    """Copy what a gate needs of this checkout to `root`, and plant one of PLANTS."""
    for package in ("bench", "strategies"):
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    module, added = PLANTS[what]
    with (root / "bench" / module).open("a", encoding="utf-8") as file:
        file.write(added)
    return root
