"""The toy workload, made on the spot: a tiny Llama with random weights, and texts whose words tell their label.

The gate, the doctor, the pytest fixture, the contract of strategies and the tests train it, at the size that suits each.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForSequenceClassification, PreTrainedTokenizerFast

from bench.plan.learning_rates import Rates
from bench.workload.data.dataset import Split
from bench.workload.models.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from transformers import PreTrainedModel

__all__ = ["TOY_RATES", "VOCABULARY", "save_tiny_llama", "save_toy_reviews", "tiny_llama", "toy_split", "toy_tokenizer"]

VOCABULARY = 64
"""Tokens of the tiny Llama: padding, unknown, and the words word0 to word61."""

TOY_RATES = Rates(head_alone=1e-2, last_layers=1e-3, everything=1e-3, head=1e-2, adapters=1e-3)
"""Learning rates of the tiny Llama on rows of `toy_split`."""


def tiny_llama(
    *, width: int = 16, num_layers: int = 4, num_labels: int = 2, num_tokens: int = VOCABULARY, seed: int = 0
) -> PreTrainedModel:
    """Return a Llama for sequence classification with random weights, the same for the same arguments."""
    config = LlamaConfig(  # type: ignore[call-arg]  # num_labels is read by its base class
        vocab_size=num_tokens,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=num_layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        num_labels=num_labels,
        pad_token_id=0,
        use_cache=False,
        problem_type="single_label_classification",
    )
    torch.manual_seed(seed)
    return LlamaForSequenceClassification(config)


def save_tiny_llama(directory: Path, *, width: int = 16, num_layers: int = 4, labels: Sequence[str] = ()) -> Path:
    """Write a tiny Llama and its tokenizer into `directory`, as a local model; with a head for `labels`, if any."""
    with quiet():
        toy_tokenizer().save_pretrained(directory)
        model = tiny_llama(width=width, num_layers=num_layers, num_labels=len(labels) or 2)
        if labels:
            model.config.id2label = dict(enumerate(labels))
        cast("PreTrainedModel", model if labels else model.base_model).save_pretrained(directory)
    return directory


def toy_tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer whose tokens are padding, unknown, and the words word0 to word61."""
    words = ["<pad>", "<unk>", *(f"word{number}" for number in range(VOCABULARY - 2))]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))  # noqa: S106
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>")  # noqa: S106


def save_toy_reviews(file: Path, num_rows: int = 60, num_words: tuple[int, int] = (1, 9)) -> Path:
    """Write a CSV of texts whose words tell their label, half "bad" and half "good".

    Each has `num_words` at least and at most, and one more, its number, that makes it unlike any other.
    """
    rng = random.Random(0)  # noqa: S311  (no secret)
    rows = []
    for number in range(num_rows):
        label = number % 2
        words = [f"word{rng.randrange(30 * label, 30 * label + 30)}" for _ in range(rng.randint(*num_words))]
        rows.append(f"{' '.join(words)} word{number},{('bad', 'good')[label]}")
    file.write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    return file


def toy_split(num_rows: int = 32, *, num_labels: int = 2, shortest: int = 1, longest: int = 12, seed: int = 0) -> Split:
    """Return rows of random tokens, `shortest` to `longest` long, whose last token tells the label."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(shortest, longest + 1, num_rows)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    tokens = rng.integers(num_labels + 1, VOCABULARY, offsets[-1], dtype=np.int32)
    labels = np.arange(num_rows) % num_labels
    tokens[offsets[1:] - 1] = labels + 1
    return Split(tokens=tokens, offsets=offsets.astype(np.int64), labels=labels.astype(np.int64))
