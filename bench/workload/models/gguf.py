"""GGUF files, which nothing can train, become the safetensors of transformers, once."""

from __future__ import annotations

import io
import json
import re
import struct
from contextlib import redirect_stderr
from hashlib import sha256
from typing import TYPE_CHECKING

from bench.cache import build_once, cache_dir
from bench.errors import ModelError, first_line

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["converted", "is_converted"]


def converted(gguf: Path) -> Path:
    """Return the folder of the same model in fp32 safetensors, with its tokenizer, without a head.

    Raises:
        ModelError: the file is damaged, or its architecture is one that transformers cannot read.

    """
    gguf = gguf.resolve()
    return build_once(_folder(gguf), lambda folder: _convert(gguf, folder))


def is_converted(gguf: Path) -> bool:
    """Say whether `converted` has nothing left to do."""
    return gguf.is_file() and _folder(gguf.resolve()).is_dir()


def _folder(gguf: Path) -> Path:
    status = gguf.stat()
    key = sha256(json.dumps([str(gguf), status.st_size, status.st_mtime_ns]).encode()).hexdigest()
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", gguf.stem)
    return cache_dir() / "converted" / f"{name}-{key[:12]}"


def _convert(gguf: Path, folder: Path) -> None:
    import torch  # noqa: PLC0415  a conversion that is in the cache needs none of this
    from transformers import AutoModel, AutoTokenizer  # noqa: PLC0415

    from bench.workload.models.quiet import quiet  # noqa: PLC0415

    # transformers' bar for GGUF obeys none of its own switches: it writes to nowhere.
    with quiet(), redirect_stderr(io.StringIO()):
        try:
            model = AutoModel.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
            tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        except (AttributeError, LookupError, OSError, TypeError, ValueError, struct.error) as error:
            msg = f"cannot convert {gguf}: {first_line(error)}; download it again, or give the folder of the model in safetensors"
            raise ModelError(msg) from error
        # A model that was loaded from GGUF counts as quantised and refuses to be saved: its
        # weights go into a clean one.
        settings = model.config.to_dict()
        settings.pop("quantization_config", None)
        clean = AutoModel.from_config(type(model.config).from_dict(settings), dtype=torch.float32)
        clean.load_state_dict(model.state_dict())
        clean.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
