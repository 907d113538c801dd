"""Strategies applied to tiny models, and tiny classifiers of several architectures."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
import torch
import transformers

from bench.workload.toy import toy_split
from tests.applied import applied

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedModel

    from bench.training.prepared import Prepared

SIZES = {
    "vocab_size": 64,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
}
WITHOUT_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
GROUPED = {"num_key_value_heads": 2}
OTHERS: dict[str, dict[str, object]] = {
    "Llama": SIZES | GROUPED,
    "Qwen2": SIZES | GROUPED,
    "Mistral": SIZES | GROUPED | {"sliding_window": 5},
    "Gemma2": SIZES | GROUPED | {"head_dim": 8, "sliding_window": 5, "attn_logit_softcapping": 0.5},
    "Bert": SIZES | WITHOUT_DROPOUT,
    "Roberta": SIZES | WITHOUT_DROPOUT | {"pad_token_id": 0},
    "Electra": SIZES | WITHOUT_DROPOUT | {"embedding_size": 8},
    "DebertaV2": SIZES | WITHOUT_DROPOUT | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
    "DistilBert": {
        "vocab_size": 64,
        "dim": 16,
        "hidden_dim": 32,
        "n_layers": 3,
        "n_heads": 4,
        "dropout": 0.0,
        "attention_dropout": 0.0,
        "seq_classif_dropout": 0.0,
    },
    "GPT2": {
        "vocab_size": 64,
        "n_embd": 16,
        "n_layer": 3,
        "n_head": 4,
        "n_positions": 64,
        "resid_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "attn_pdrop": 0.0,
        "bos_token_id": 1,
        "eos_token_id": 2,
    },
    "OPT": {
        "vocab_size": 64,
        "hidden_size": 16,
        "ffn_dim": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "max_position_embeddings": 64,
        "word_embed_proj_dim": 16,
        "dropout": 0.0,
    },
    "ModernBert": SIZES
    | {"local_attention": 6, "global_attn_every_n_layers": 2}
    | dict.fromkeys(("cls_token_id", "sep_token_id", "bos_token_id", "eos_token_id"), 1),
}


@pytest.fixture(scope="session")
def classifier() -> Callable[..., PreTrainedModel]:
    """Make a tiny classifier of an architecture by its name, with the same weights each time."""

    def make(name: str, **changes: object) -> PreTrainedModel:
        config = getattr(transformers, f"{name}Config")(**({"pad_token_id": 0} | OTHERS[name] | changes))
        torch.manual_seed(0)
        model: PreTrainedModel = getattr(transformers, f"{name}ForSequenceClassification")(config)
        model.config.use_cache = False
        return model

    return make


@pytest.fixture
def prepared() -> Callable[..., Prepared]:
    """Apply a strategy, as text, to a model: a tiny Llama unless another is given."""
    return partial(applied, split=toy_split(40))
