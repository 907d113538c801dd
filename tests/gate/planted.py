"""Copies of this checkout with something planted in them: what a gate must find."""

from __future__ import annotations

import shutil
from pathlib import Path

__all__ = ["PLANTS", "ROOT", "plant"]

ROOT = Path(__file__).parents[2]

_SLOWER = """
import time as _time

_quick_train = train

def train(prepared, split, schedule, *, on_step, on_point):
    began = None

    def slow_step(*told):
        nonlocal began
        if began is not None:
            _time.sleep(0.1 * (_time.perf_counter() - began))
        on_step(*told)
        began = _time.perf_counter()

    return _quick_train(prepared, split, schedule, on_step=slow_step, on_point=on_point)
"""

_LEAK = """
_tight_train = train
_LEAKED = []

def train(prepared, split, schedule, *, on_step, on_point):
    def leaky_step(*told):
        if len(_LEAKED) < 32:
            _LEAKED.append(b"x" * (1 << 20))
        on_step(*told)

    return _tight_train(prepared, split, schedule, on_step=leaky_step, on_point=on_point)
"""

_LABELS = """
_right_targets = targets_of

def targets_of(split, rows):
    return _right_targets(split, rows).roll(1)
"""

PLANTS = {
    "unchanged": ("training/trainer.py", ""),
    "10 % slower": ("training/trainer.py", _SLOWER),
    "32 MiB leaked": ("training/trainer.py", _LEAK),
    "labels off by one": ("tasks/classification.py", _LABELS),
}
"""The module of bench and what is added to its end."""


def plant(root: Path, what: str) -> Path:
    """Copy the packages of this checkout to `root`, and plant one of PLANTS."""
    for package in ("bench", "strategies", "reports"):
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__", "out"))
    module, added = PLANTS[what]
    with (root / "bench" / module).open("a", encoding="utf-8") as file:
        file.write(added)
    return root
