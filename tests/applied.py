"""Strategies applied to tiny models, and trained on ragged rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan.compose import compose
from bench.training.prepare import prepare
from bench.training.trainer import Schedule, train
from bench.workload.models.layers import view_of
from bench.workload.toy import TOY_RATES, tiny_llama, toy_split

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    from bench.experiment.ways import Way
    from bench.training.activation_cache import CacheDirectory
    from bench.training.parallel.group import Group
    from bench.training.prepared import Prepared
    from bench.training.trained import Trained
    from bench.workload.data.dataset import Split

CPU = torch.device("cpu")
RAGGED = toy_split(23, longest=20)
EPOCH = [np.arange(8), np.arange(8, 22), np.array([int(RAGGED.lengths.argmin())]), np.array([22])]
"""Ragged rows, one row of few tokens, a batch of one."""

EXACT = {"cpu": 1e-6, "cuda": 1e-5}
"""Relative, of the losses; on a GPU the sums of a matmul are cut by its shape, which packing and caching change."""


def applied(
    text: str,
    model: PreTrainedModel | None = None,
    *,
    fresh: Collection[str] = (),
    split: Split = RAGGED,
    device: torch.device = CPU,
    cache_directory: CacheDirectory | None = None,
    way: Way | None = None,
    group: Group | None = None,
) -> Prepared:
    """Apply a strategy, as text, to a model: a tiny Llama unless another is given."""
    model = model or tiny_llama()
    view = view_of(model, fresh)
    return prepare(
        model,
        view,
        compose([registry.load(term) for term in parse_strategy(text)], view),
        split=split,
        pad_token_id=0,
        rates=TOY_RATES,
        device=device,
        weight_decay=0.01,
        cache_directory=cache_directory,
        way=way,
        group=group,
    )


def train_ragged(
    prepared: Prepared,
    on_step: Callable[..., None] = lambda *_: None,
    epoch: Sequence[NDArray[np.int64]] = EPOCH,
) -> Trained:
    """Train on RAGGED for two epochs."""
    return train(prepared, RAGGED, Schedule(epochs=[epoch, epoch]), on_step=on_step, on_point=lambda *_: None)
