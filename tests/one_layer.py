"""A model without weights whose forecast takes little time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.workload.toy import tiny_llama, toy_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["save_one_layer"]


def save_one_layer(folder: Path) -> Path:
    """Write the configuration of a tiny Llama of one layer, and its tokenizer."""
    toy_tokenizer().save_pretrained(folder)
    tiny_llama(num_layers=1).config.save_pretrained(folder)
    return folder
