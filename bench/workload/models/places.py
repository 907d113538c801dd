"""Where a model's files are, or will be once they are fetched and converted. Imports no torch."""

from __future__ import annotations

import json
import os
import re
from hashlib import sha256
from pathlib import Path

from bench.cache import cache_dir
from bench.workload.assets.wheels import ASSETS, folder_of
from bench.workload.presets import MODELS

__all__ = ["converted_folder", "local_path", "needs_conversion"]


def local_path(name: str) -> Path:
    """Return the path that a model's name stands for if the model is on this machine and no preset."""
    return Path(os.path.expanduser(name))  # noqa: PTH111  (Path's own fails on a user that does not exist)


def converted_folder(gguf: Path) -> Path:
    """Return the folder in the cache for the safetensors of a GGUF file; another one once the file changes."""
    status = gguf.stat()
    key = sha256(json.dumps([str(gguf), status.st_size, status.st_mtime_ns]).encode()).hexdigest()
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", gguf.stem)
    return cache_dir() / "converted" / f"{name}-{key[:12]}"


def needs_conversion(name: str) -> bool:
    """Whether a model is a GGUF file that is yet to be converted, and perhaps to be fetched."""
    preset = MODELS.get(name)
    path = folder_of(ASSETS[preset.asset]) / preset.path if preset else local_path(name)
    return path.suffix.lower() == ".gguf" and not (path.is_file() and converted_folder(path.resolve()).is_dir())
