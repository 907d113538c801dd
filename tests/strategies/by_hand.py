"""A training loop of transformers and torch alone, to hold the engine against: padded rows, its own groups and schedule."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import cross_entropy
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
)

from bench.plan.compose import compose
from bench.plan.learning_rates import Rates
from bench.training.prepare import prepare
from bench.training.trainer import Schedule, train
from bench.workload.models.layers import view_of
from bench.workload.toy import VOCABULARY, tiny_llama, toy_split

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from transformers import PreTrainedModel

    from bench.plan import Strategy
    from bench.training.prepared import Prepared

RATES = Rates(head_alone=3e-2, last_layers=2e-3, everything=1e-3, head=1e-2, adapters=5e-3)
"""Unlike each other, so that a wrong one shows."""
DECAY, WARM_UP, MAX_NORM = 0.01, 2, 1.0
NUM_LAYERS = 4
SPLIT = toy_split(32, shortest=3, longest=20)
BATCHES = [torch.arange(first, first + 8).numpy() for first in range(0, 32, 8)] * 2
"""Eight steps."""


def llama() -> PreTrainedModel:
    return tiny_llama(num_layers=NUM_LAYERS)


def bert() -> PreTrainedModel:
    torch.manual_seed(0)
    return BertForSequenceClassification(
        BertConfig(
            vocab_size=VOCABULARY,
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=NUM_LAYERS,
            num_attention_heads=4,
            max_position_embeddings=64,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
    )


def gpt2() -> PreTrainedModel:
    torch.manual_seed(0)
    return GPT2ForSequenceClassification(
        GPT2Config(
            vocab_size=VOCABULARY,
            n_embd=16,
            n_layer=NUM_LAYERS,
            n_head=4,
            n_positions=64,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            pad_token_id=0,
            use_cache=False,
        )
    )


def layer_of(name: str) -> str:
    """Say where a parameter belongs: "embeddings", the number of a layer, or "head"."""
    parts = name.split(".")
    if name.startswith(("score", "classifier")):
        return "head"
    number = next((part for part in parts if part.isdigit()), None)
    if number is not None:
        return number
    is_below = any(part in ("embed_tokens", "embeddings", "wte", "wpe") for part in parts)
    return "embeddings" if is_below else str(NUM_LAYERS - 1)  # a final norm, a pooler


def batch_of(rows: Sequence[int], pad: int = 0) -> dict[str, torch.Tensor]:
    """Pad rows on the right."""
    longest = max(len(SPLIT.row(row)) for row in rows)
    ids = [[*SPLIT.row(row).tolist(), *[pad] * (longest - len(SPLIT.row(row)))] for row in rows]
    mask = [[1] * len(SPLIT.row(row)) + [0] * (longest - len(SPLIT.row(row))) for row in rows]
    return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}


def train_by_hand(
    model: PreTrainedModel,
    trains: Callable[[str, int], bool],
    rate: Callable[[str], float],
    *,
    added: Mapping[str, torch.nn.Parameter] | None = None,
    logits: Callable[[PreTrainedModel, Sequence[int]], torch.Tensor] | None = None,
) -> list[float]:
    """Train eight steps: `trains(name, step)` says what, `rate(name)` how fast; give the losses."""
    params = dict(model.named_parameters()) | dict(added or {})
    ever = [name for name in params if any(trains(name, step) for step in range(len(BATCHES)))]
    optimizer = torch.optim.AdamW(
        [
            {"params": [params[name]], "lr": rate(name), "weight_decay": DECAY if params[name].ndim > 1 else 0.0}
            for name in ever
        ]
    )
    peaks = [group["lr"] for group in optimizer.param_groups]
    losses = []
    model.train()
    for step, rows in enumerate(BATCHES):
        for name, param in params.items():
            if param.requires_grad and not trains(name, step):
                optimizer.state.pop(param, None)
            param.requires_grad_(trains(name, step))
        left = step / WARM_UP if step < WARM_UP else (len(BATCHES) - step) / (len(BATCHES) - WARM_UP)
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * left
        found = logits(model, rows.tolist()) if logits else model(**batch_of(rows)).logits
        loss = cross_entropy(found, torch.from_numpy(SPLIT.labels[rows]))
        loss.backward()
        moved = [param for param in params.values() if param.grad is not None]
        norm = math.sqrt(sum(float(param.grad.square().sum()) for param in moved))
        for param in moved:
            param.grad.mul_(min(1.0, MAX_NORM / (norm + 1e-6)))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))
    return losses


def prepared_for(strategies: Sequence[Strategy], model: PreTrainedModel) -> Prepared:
    """Apply strategies to a model."""
    view = view_of(model, num_steps=len(BATCHES))
    return prepare(
        model,
        view,
        compose(strategies, view),
        split=SPLIT,
        pad_token_id=0,
        rates=RATES,
        device=torch.device("cpu"),
        weight_decay=DECAY,
    )


def train_by_bench(prepared: Prepared, on_step: Callable[[int], None] = lambda _: None) -> list[float]:
    """Train the same eight steps with the engine; `on_step` is told how many are done."""
    schedule = Schedule(epochs=[BATCHES[:4], BATCHES[4:]], warmup_ratio=WARM_UP / len(BATCHES), max_grad_norm=MAX_NORM)
    trained = train(prepared, SPLIT, schedule, on_step=lambda done, *_: on_step(done), on_point=lambda *_: None)
    return list(trained.losses)
