"""Converts GGUF files, which cannot be trained, to the safetensors of transformers, once."""

from __future__ import annotations

import io
import struct
from contextlib import redirect_stderr
from typing import TYPE_CHECKING

import torch
from transformers import AutoModel, AutoTokenizer

from bench.cache import build_once
from bench.errors import ModelError, first_line
from bench.workload.models.places import converted_folder
from bench.workload.models.quiet import quiet

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["converted"]


def converted(gguf: Path) -> Path:
    """Return the folder of the same model in fp32 safetensors, with its tokenizer, without a head.

    Raises:
        ModelError: the file is damaged, or its architecture is one that transformers cannot read.

    """
    gguf = gguf.resolve()
    return build_once(converted_folder(gguf), lambda folder: _convert(gguf, folder))


def _convert(gguf: Path, folder: Path) -> None:
    # transformers' progress bar for GGUF obeys none of its own switches.
    with quiet(), redirect_stderr(io.StringIO()):
        try:
            model = AutoModel.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
            tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        except (AttributeError, LookupError, OSError, TypeError, ValueError, struct.error) as error:
            msg = f"cannot convert {gguf}: {first_line(error)}; download it again, or give the folder of the model in safetensors"
            raise ModelError(msg) from error
        # A model loaded from GGUF counts as quantised and cannot be saved, so its weights are
        # copied to a new one.
        settings = model.config.to_dict()
        settings.pop("quantization_config", None)
        clean = AutoModel.from_config(type(model.config).from_dict(settings), dtype=torch.float32)
        clean.load_state_dict(model.state_dict())
        clean.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
