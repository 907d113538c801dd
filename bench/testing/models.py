"""Tiny classifiers of four architectures, on which a strategy is tried."""

from __future__ import annotations

import copy
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    Qwen2Config,
    Qwen2ForSequenceClassification,
)

from bench.workload.models.layers import view_of
from bench.workload.toy import VOCABULARY, tiny_llama

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from transformers import PreTrainedModel

    from bench.plan.view import ModelView

__all__ = ["MODELS", "NUM_EPOCHS", "NUM_STEPS", "fresh_model", "view_on"]

WIDTH, NUM_LAYERS = 64, 3
NUM_TOKENS = 4 * VOCABULARY
"""Of the vocabulary, most of which no row has."""
NUM_STEPS, NUM_EPOCHS = 4, 2
"""Of the run that a strategy is told of, and that it is tried in."""

_GROUPED: dict[str, Any] = {"hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_attention_heads": 4}
_OF_ALL: dict[str, Any] = {
    "vocab_size": NUM_TOKENS,
    "num_labels": 2,
    "pad_token_id": 0,
    "problem_type": "single_label_classification",
}


def _bert() -> PreTrainedModel:
    dropout: dict[str, Any] = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    config = BertConfig(**_OF_ALL, **_GROUPED, **dropout, num_hidden_layers=NUM_LAYERS, max_position_embeddings=64)
    return BertForSequenceClassification(config)


def _gpt2() -> PreTrainedModel:
    sizes: dict[str, Any] = {"n_embd": WIDTH, "n_layer": NUM_LAYERS, "n_head": 4, "n_positions": 64}
    dropout: dict[str, Any] = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    config = GPT2Config(**_OF_ALL, **sizes, **dropout, bos_token_id=1, eos_token_id=2, use_cache=False)
    return GPT2ForSequenceClassification(config)


def _qwen2() -> PreTrainedModel:
    sizes: dict[str, Any] = {"num_hidden_layers": NUM_LAYERS, "num_key_value_heads": 2, "max_position_embeddings": 64}
    config = Qwen2Config(**_OF_ALL, **_GROUPED, **sizes, use_cache=False)
    return Qwen2ForSequenceClassification(config)


MODELS: Mapping[str, Callable[[], PreTrainedModel]] = {
    "llama": partial(tiny_llama, width=WIDTH, num_layers=NUM_LAYERS, num_tokens=NUM_TOKENS),
    "bert": _bert,
    "gpt2": _gpt2,
    "qwen2": _qwen2,
}
"""How each is made, by the name of its architecture."""


def fresh_model(name: str) -> PreTrainedModel:
    """Return one of them, with the same random weights each time."""
    return copy.deepcopy(_model(name))


@cache
def _model(name: str) -> PreTrainedModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return MODELS[name]()


@cache
def view_on(name: str) -> ModelView:
    """What strategies see of it."""
    return view_of(fresh_model(name), num_steps=NUM_STEPS, num_epochs=NUM_EPOCHS)
