"""Tiny classifiers wide enough for adapters as they come, trained by a plan and by a loop in which nothing is ours."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    LlamaConfig,
    LlamaForSequenceClassification,
    PreTrainedModel,
    get_linear_schedule_with_warmup,
)

from bench.plan.compose import compose
from bench.plan.quiet import quietly
from bench.training.prepare import prepare
from bench.training.trainer import Schedule, train
from bench.workload.models.layers import view_of
from bench.workload.toy import TOY_RATES, toy_split

if TYPE_CHECKING:
    from bench.plan import Strategy
    from bench.training.prepared import Prepared

ROWS = toy_split(48, longest=20)
BATCHES = [np.arange(start, start + 12) for start in (0, 12, 24, 36)] * 2
SIZES: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}


def llama() -> PreTrainedModel:
    torch.manual_seed(0)
    return LlamaForSequenceClassification(LlamaConfig(**SIZES, num_key_value_heads=4, use_cache=False))


def bert() -> PreTrainedModel:
    torch.manual_seed(0)
    dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return BertForSequenceClassification(BertConfig(**SIZES, **dropout))


def gpt2() -> PreTrainedModel:
    torch.manual_seed(0)
    dropout = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
    ends = {"bos_token_id": 1, "eos_token_id": 2}
    return GPT2ForSequenceClassification(GPT2Config(**SIZES, **dropout, **ends, use_cache=False))


MODELS = {"llama": llama, "bert": bert, "gpt2": gpt2}


def prepared(*strategies: Strategy, model: PreTrainedModel | None = None, num_steps: int = len(BATCHES)) -> Prepared:
    """Apply strategies, by value, to a model: the tiny Llama unless another is given."""
    model = model or llama()
    view = replace(view_of(model), num_steps=num_steps)
    torch.manual_seed(1)
    return prepare(
        model,
        view,
        compose(strategies, view),
        split=ROWS,
        pad_token_id=0,
        rates=TOY_RATES,
        device=torch.device("cpu"),
        weight_decay=0.01,
    )


def losses_of(ready: Prepared, num_steps: int = len(BATCHES)) -> list[float]:
    """Train on ROWS, and give the loss of each step."""
    schedule = Schedule(epochs=[BATCHES[:num_steps]])
    return list(train(ready, ROWS, schedule, on_step=lambda *_: None, on_point=lambda *_: None).losses)


def losses_of_peft(**options: Any) -> list[float]:
    """Train the tiny Llama as peft's users do: its model, padded batches, AdamW, the head beside the adapter."""
    with quietly():
        import peft  # noqa: PLC0415  (which would talk as the tests are collected)

        model = llama()
        torch.manual_seed(1)
        adapted = peft.get_peft_model(model, peft.get_peft_config(options))
    model.score.requires_grad_(True)
    head = list(model.score.parameters())
    others = [param for param in adapted.parameters() if param.requires_grad and param is not head[0]]
    groups = [
        {"params": head, "lr": TOY_RATES.head, "weight_decay": 0.01},
        {"params": [one for one in others if one.ndim > 1], "lr": TOY_RATES.adapters, "weight_decay": 0.01},
        {"params": [one for one in others if one.ndim == 1], "lr": TOY_RATES.adapters, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW([group for group in groups if group["params"]])
    scheduler = get_linear_schedule_with_warmup(optimizer, 1, len(BATCHES))
    adapted.train()
    losses = []
    for step, rows in enumerate(BATCHES):
        texts = [torch.tensor(ROWS.tokens[ROWS.offsets[row] : ROWS.offsets[row + 1]]).long() for row in rows]
        tokens = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True)
        labels = torch.tensor(ROWS.labels[rows])
        # As peft does for a task that it knows: AdaLoRA adds to the loss there.
        loss = adapted.base_model(input_ids=tokens, attention_mask=(tokens != 0).long(), labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(adapted.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        if options["peft_type"] == "ADALORA":
            adapted.base_model.update_and_allocate(step)
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    return losses
