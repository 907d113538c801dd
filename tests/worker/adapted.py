"""Adapters of every kind that peft has for linear layers, in a tiny Llama wide enough for all of them."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import torch
from peft import get_peft_model
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

from bench.plan import Averaging, Edit, TransformStage, throughout
from bench.plan.compose import compose
from bench.training.prepare import prepare
from bench.training.trainer import Schedule, train
from bench.workload.models.layers import view_of
from bench.workload.models.load import load_model
from bench.workload.models.quiet import quiet
from bench.workload.toy import TOY_RATES, save_tiny_llama, tiny_llama, toy_split

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn
    from transformers import PreTrainedModel

    from bench.plan import ModelView
    from bench.training.prepared import Prepared
    from bench.workload.models.load import LoadedModel

LABELS = ("bad", "fair", "good")
SPLIT = toy_split(16, num_labels=3)
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "lora": ("LORA", {"r": 4}),
    "dora": ("LORA", {"r": 4, "use_dora": True}),
    "rslora": ("LORA", {"r": 4, "use_rslora": True}),
    "pissa": ("LORA", {"r": 4, "init_lora_weights": "pissa"}),
    "olora": ("LORA", {"r": 4, "init_lora_weights": "olora"}),
    "adalora": ("ADALORA", {"init_r": 6, "target_r": 4, "total_step": 20}),
    "boft": ("BOFT", {"boft_block_size": 4}),
    "oft": ("OFT", {"oft_block_size": 4, "r": 0}),
    "ia3": ("IA3", {"feedforward_modules": []}),
    "fourierft": ("FOURIERFT", {"n_frequency": 16}),
    "road": ("ROAD", {"group_size": 4}),
    "vblora": ("VBLORA", {"num_vectors": 16, "vector_length": 4}),
    "c3a": ("C3A", {"block_size": 4}),
    "shira": ("SHIRA", {"r": 2}),
    **{name: (name.upper(), {"r": 4}) for name in ("vera", "loha", "lokr", "hra", "randlora", "miss")},
    **{name: (name.upper(), {}) for name in ("deft", "delora", "gralora", "hira", "lily", "ln_tuning", "psoft")},
}


@dataclass(frozen=True)
class Adapters:
    kind: str
    targets: tuple[str, ...]
    stage: ClassVar[TransformStage] = TransformStage.ADAPT

    def __call__(self, model: PreTrainedModel) -> nn.Module:
        name, options = KINDS[self.kind]
        return get_peft_model(model, PEFT_TYPE_TO_CONFIG_MAPPING[name](target_modules=list(self.targets), **options))


@dataclass(frozen=True)
class Adapted:
    """Train adapters of one kind in the linear layers, and whole layers of the model."""

    kind: str
    whole: tuple[str, ...] = ("head",)

    def edit(self, view: ModelView) -> Edit:
        return Edit(
            phases=throughout(self.whole),
            transforms=(Adapters(self.kind, tuple(linear.name for linear in view.linears)),),
        )


@dataclass(frozen=True)
class Averaged(Adapted):
    """Evaluate the average of both steps."""

    def edit(self, view: ModelView) -> Edit:
        return Edit(averaging=Averaging("equal"), lr=0.1, **super().edit(view))  # type: ignore[misc]


def save_base(directory: Path) -> Path:
    """Write a base model of two layers without a head, and its tokenizer."""
    save_tiny_llama(directory, width=64)
    with quiet():
        cast("PreTrainedModel", tiny_llama(width=64, num_layers=2).base_model).save_pretrained(directory)
    return directory


@cache
def loaded(base: Path) -> LoadedModel:
    """Load a model once: who changes it takes a copy."""
    return load_model(str(base), labels=LABELS, seed=0)


def trained(strategy: Any, base: Path) -> Prepared:
    """Train a model for two steps."""
    model, fresh = deepcopy(loaded(base).model), loaded(base).fresh
    view = view_of(model, fresh)
    prepared = prepare(
        model,
        view,
        compose([strategy], view),
        split=SPLIT,
        pad_token_id=0,
        rates=TOY_RATES,
        device=torch.device("cpu"),
        weight_decay=0.01,
    )
    schedule = Schedule(epochs=[[np.arange(8), np.arange(8, 16)]])
    train(prepared, SPLIT, schedule, on_step=lambda *_: None, on_point=lambda *_: None)
    return prepared
