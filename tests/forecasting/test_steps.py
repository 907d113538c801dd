from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest
import torch

from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.forecasting.fake import choose_by_shape, classifier, without_numbers
from bench.forecasting.steps import Traced, Training, trace
from bench.plan.compose import compose
from bench.testing.models import fresh_model
from bench.workload.models.layers import view_of
from bench.workload.toy import toy_split

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from bench.training.forward.choose import ForwardChoice

TRAINING = Training(split=toy_split(32, shortest=3), batch_size=8)


def traced(model: PreTrainedModel, strategy: str, choose: ForwardChoice | None = None) -> Traced:
    view = view_of(model, num_steps=4, num_epochs=2)
    plan = compose(registry.strategies_of(parse_strategy(strategy)), view)
    return trace(model, view, plan, TRAINING, choose=choose)


@pytest.mark.parametrize("strategy", ["full", "freeze", "freeze:last=2", "lora", "checkpoint"])
@pytest.mark.parametrize("name", ["llama", "bert", "gpt2"])
def test_without_numbers_every_peak_is_that_of_real_tensors_to_the_byte(name: str, strategy: str) -> None:
    real = fresh_model(name)
    config = copy.deepcopy(real.config)  # the model's own tells how it is run
    torch.manual_seed(0)
    expected = traced(real, strategy)
    with without_numbers():
        found = traced(classifier(config, num_labels=2), strategy, choose_by_shape)
    assert type(found.prepared.forward) is type(expected.prepared.forward)
    assert {slot: parts.tolist() for slot, parts in found.peaks.items()} == {
        slot: parts.tolist() for slot, parts in expected.peaks.items()
    }
