from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan.compose import compose
from bench.training.prepare import prepare
from bench.workload.models.layers import view_of
from bench.workload.toy import TOY_RATES, tiny_llama, toy_split

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from transformers import PreTrainedModel

    from bench.training.prepared import Prepared


@pytest.fixture
def prepared() -> Callable[..., Prepared]:
    """Apply a strategy, as text, to a model: a tiny Llama unless another is given."""

    def make(text: str, model: PreTrainedModel | None = None, fresh: Collection[str] = ()) -> Prepared:
        model = model or tiny_llama()
        view = view_of(model, fresh)
        plan = compose([registry.load(term) for term in parse_strategy(text)], view)
        return prepare(
            model,
            view,
            plan,
            split=toy_split(40),
            pad_token_id=0,
            rates=TOY_RATES,
            device=torch.device("cpu"),
            weight_decay=0.01,
        )

    return make
