"""Llamas of random weights and rows of one length, as files that the real runner reads."""

from __future__ import annotations

import csv
import random
from typing import TYPE_CHECKING

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaModel, PreTrainedTokenizerFast

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["save_llama", "save_rows"]

WORDS = tuple(f"word{number}" for number in range(1000))
LONGEST = 1024


def save_llama(directory: Path, *, num_layers: int, width: int) -> Path:
    """Write a body without a head, and a tokenizer of one token per word."""
    words = ("<pad>", "<unk>", *WORDS)
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>").save_pretrained(directory)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=num_layers,
        num_attention_heads=width // 64,
        max_position_embeddings=LONGEST,
    )
    LlamaModel(config).save_pretrained(directory)
    return directory


def save_rows(directory: Path, *, num_rows: int, num_tokens: int) -> Path:
    """Write a training split of rows of one length, and a small evaluation split."""
    rng = random.Random(num_tokens)
    directory.mkdir()
    for split, size in (("train", num_rows), ("test", 8)):
        with (directory / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
            rows = ((" ".join(rng.choices(WORDS, k=num_tokens)), ("bad", "good")[number % 2]) for number in range(size))
            csv.writer(file).writerows([("text", "label"), *rows])
    return directory
