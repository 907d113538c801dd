"""Where a file finds the model that was measured."""

from __future__ import annotations

from bench.workload.models.locate import model_folder
from bench.workload.models.places import local_path
from bench.workload.presets import MODELS

__all__ = ["model_place"]


def model_place(name: str) -> str:
    """Return what transformers loads from anywhere: a folder, that of a preset or a converted file in the cache, or an id of the Hub."""
    return str(model_folder(name).resolve()) if name in MODELS or local_path(name).exists() else name
