"""Refuses what is no model before any work; nothing here imports torch or touches the network."""

from __future__ import annotations

from bench.errors import ModelError, UnknownName
from bench.workload.models.folders import check_folder, check_gguf
from bench.workload.models.places import local_path
from bench.workload.models.shapes import SHAPES
from bench.workload.presets import MODELS, is_hub_id

__all__ = ["check_model", "check_model_files"]


def check_model(name: str) -> None:
    """Refuse a name that is neither a preset, nor a local model, nor of the form of a Hub id.

    Raises:
        UnknownName: with the nearest preset.
        ModelError: only its shape is known by this name.

    """
    path = local_path(name)
    is_local = path.is_dir() or (path.suffix.lower() == ".gguf" and path.is_file())
    if name not in MODELS and not is_local and not is_hub_id(name):
        if shape := SHAPES.get(name):
            raise ModelError(
                f"{name} is here as a configuration without weights; to train it, give its Hub id {shape.hub_id}"
            )
        hint = "Or give a local model directory, a GGUF file, or a Hub id owner/name."
        raise UnknownName("model", name, MODELS, hint=hint)


def check_model_files(name: str) -> None:
    """Refuse what `check_model` refuses, and local files that are not a complete model.

    Raises:
        UnknownName: with the nearest preset.
        ModelError: what the folder or file is instead, and what to do.

    """
    path = local_path(name)
    if name in MODELS:
        return
    if path.is_dir():
        check_folder(path, name)
    elif path.suffix.lower() == ".gguf" and path.is_file():
        check_gguf(path)
    elif path.is_file():
        msg = f"{name} is a file, of which only GGUF is read; give the folder of the model, with its config.json"
        raise ModelError(msg)
    check_model(name)
