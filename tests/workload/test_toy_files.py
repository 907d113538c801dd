from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file

from bench.workload import toy
from bench.workload.toy_files import LAYOUT, toy_settings

if TYPE_CHECKING:
    import pytest


def test_files_are_written_once_for_each_user(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = toy_settings("somebody", width=16, num_words=(1, 9))
    assert Path(settings["model"]).is_relative_to(cache / "somebody")
    assert toy_settings("another", width=16, num_words=(2, 2))["dataset"] != settings["dataset"]
    monkeypatch.setattr(toy, "save_toy_reviews", None)
    assert toy_settings("somebody", width=16, num_words=(1, 9)) == settings


def test_what_is_written_changes_with_its_layout_alone() -> None:
    """Stored baselines know the model and the data of a gate by that number: raise it with any of these."""
    settings = toy_settings("gate", width=64, num_words=(8, 8))
    weights = load_file(Path(settings["model"]) / "model.safetensors")
    total = sum(weight.abs().sum(dtype=torch.float64) for weight in weights.values())
    written = LAYOUT, sha256(Path(settings["dataset"]).read_bytes()).hexdigest()[:12], len(weights), f"{total:.1f}"
    assert written == (2, "75e3b8467c59", 38, "2993.0")
