"""Digests of models, so that runs on different weights of one name are never compared."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from bench.cache import build_once, cache_dir
from bench.workload.assets.wheels import ASSETS
from bench.workload.models.folders import weight_files
from bench.workload.models.locate import TOKENIZER_FILES, model_folder
from bench.workload.models.places import local_path
from bench.workload.presets import MODELS

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["model_digest"]

KEPT_FROM_BYTES = 2**20
"""Hashing a smaller file takes less time than finding its digest in the cache."""


def model_digest(name: str) -> str:
    """Return a digest of weights, configuration and tokenizer: "commit:..." of the Hub, else "sha256:..." of the content.

    The digest of a large file is cached as long as the file's path, size, mtime and ctime are the same.

    Raises:
        UnknownName, AssetError, ModelError: there is no such model here.

    """
    if preset := MODELS.get(name):
        return f"sha256:{ASSETS[preset.asset].sha256}"
    path, folder = local_path(name), model_folder(name)
    if path.is_file():
        return f"sha256:{_of_file(path)}"
    if not path.is_dir():  # in the Hub's cache, the folder of a snapshot is named after its commit
        return f"commit:{folder.name}"
    others = {file for pattern in TOKENIZER_FILES for file in folder.glob(pattern) if file.is_file()}
    content = {file.name: _of_file(file) for file in sorted(others | set(weight_files(folder, name)))}
    return f"sha256:{hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()}"


def _of_file(file: Path) -> str:
    file = file.resolve()
    known = file.stat()
    if known.st_size < KEPT_FROM_BYTES:
        return _read(file)
    # A copy may keep the mtime of the original, but not its ctime.
    key = json.dumps([str(file), known.st_size, known.st_mtime_ns, known.st_ctime_ns])
    place = cache_dir() / "digests" / hashlib.sha256(key.encode()).hexdigest()[:32]

    def keep(folder: Path) -> None:
        (folder / "sha256").write_text(_read(file))

    return (build_once(place, keep) / "sha256").read_text()


def _read(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
