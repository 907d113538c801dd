"""Finds the configuration of a model whose weights are not needed."""

from __future__ import annotations

from importlib.resources import as_file
from typing import TYPE_CHECKING

from transformers import AutoConfig

from bench.errors import UnknownName
from bench.workload.models.folders import check_folder
from bench.workload.models.load import explained, load_config
from bench.workload.models.locate import from_hub
from bench.workload.models.places import local_path
from bench.workload.models.shapes import SHAPES, shape_file
from bench.workload.presets import MODELS, is_hub_id

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedConfig

__all__ = ["configuration_of"]

_SHORT_NAMES = {shape.hub_id: name for name, shape in SHAPES.items()}


def configuration_of(model: str) -> PreTrainedConfig:
    """Return the configuration of a model, of which nothing else is read; each call returns one of its own.

    Args:
        model: A short name such as llama-3-8b or that model's Hub id, a preset (these need no network), a config.json,
            a folder with one, a GGUF file, or any Hub id, of which the configuration alone is downloaded.

    Where it names no token that pads, the one that ends a text does, or the first: padding takes one that is there.

    Raises:
        UnknownName: it is none of these; with the nearest short name.
        AssetError: a preset cannot be fetched.
        ModelError: the configuration cannot be read, or the Hub does not provide it.

    """
    config = _read(model)
    inner = config.get_text_config()
    if inner.pad_token_id is None:
        end = inner.eos_token_id
        inner.pad_token_id = (end[0] if isinstance(end, list) else end) or 0
    return config


def _read(model: str) -> PreTrainedConfig:
    path = local_path(model)
    is_here = path.exists() and model not in MODELS  # a preset is itself, whatever lies here
    name = _SHORT_NAMES.get(model, model)
    if name in SHAPES and not is_here:
        with as_file(shape_file(name)) as file:
            return _load(model, file)
    if path.is_file() and path.suffix.lower() == ".json":
        return _load(model, path)
    if is_here or model in MODELS:
        return load_config(model)
    if not is_hub_id(model):
        hint = "Or give a config.json, a folder with one, a GGUF file, or a Hub id owner/name."
        raise UnknownName("model", model, {*SHAPES, *MODELS}, hint=hint)
    folder = from_hub(model, ["config.json"])
    if not (folder / "config.json").is_file():
        check_folder(folder, model)
    return _load(model, folder)


def _load(model: str, place: Path) -> PreTrainedConfig:
    with explained("configuration", model, place):
        config: PreTrainedConfig = AutoConfig.from_pretrained(place, local_files_only=True, trust_remote_code=False)
    return config
