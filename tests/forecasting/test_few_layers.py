from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, PreTrainedConfig, Qwen2Config

from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.forecasting.duration import StepWork
from bench.forecasting.fake import classifier
from bench.forecasting.few_layers import Taken, are_alike, grows_in_one_place, least_layers
from bench.forecasting.tracker import KINDS, Slot
from bench.plan.compose import compose
from bench.workload.models.configuration import configuration_of
from bench.workload.models.layers import view_of
from bench.workload.toy import tiny_llama

SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_hidden_layers": 4, "vocab_size": 64}


def of_layers(num_layers: int, *, act: int, grad: int, table: int) -> Taken:
    """A backward pass that begins with all activations and ends with all gradients, that of the embeddings last."""
    peaks = {
        Slot(0, "backward", place): act * place + grad * (num_layers - place) + (table if place == 1 else 0)
        for place in range(1, num_layers + 1)
    }
    rows = {slot: np.array([0] * (len(KINDS) - 1) + [size]) for slot, size in peaks.items()}
    return Taken(
        num_layers=num_layers,
        peaks=rows,
        num_params=num_layers,
        num_trainable_params=1,
        step_flops=None,
        step_work=StepWork(flops={"fp32": 2 * num_layers}, bytes_moved=7 + num_layers, launches=3),
        pass_work=None,
    )


def highest(taken: Taken) -> int:
    return max(int(parts.sum()) for parts in taken.peaks.values())


def test_the_peak_of_a_deep_model_may_lie_elsewhere_than_that_of_a_shallow_one() -> None:
    few, more, deep = (of_layers(num, act=12, grad=9, table=21) for num in (3, 5, 32))
    assert (highest(few), highest(more), highest(deep)) == (51, 69, 384)
    assert 51 + (69 - 51) // 2 * 29 == 312, "which a line through the two peaks would lead to"
    found = few.up_to(more, 32)
    assert found is not None
    assert (highest(found), found.num_params, found.num_trainable_params) == (384, 32, 1)
    assert found.step_work == StepWork(flops={"fp32": 64}, bytes_moved=39, launches=3)
    assert (found.step_flops, found.pass_work) == (None, None), "which is not known of the two"


def test_models_that_have_not_the_same_parts_lead_to_no_other() -> None:
    few, more = (of_layers(num, act=1, grad=1, table=1) for num in (3, 5))
    other = {slot._replace(name="forward"): parts for slot, parts in more.peaks.items()}
    assert few.up_to(replace(more, peaks=other), 9) is None


@pytest.mark.parametrize("least", [1, 2, 7, 31, 32])
def test_the_fewest_layers_are_found_in_few_trials(least: int) -> None:
    tried: list[int] = []

    def composes(num_layers: int) -> bool:
        tried.append(num_layers)
        return num_layers >= least

    assert least_layers(composes, 32) == least
    assert len(tried) <= 6
    assert 32 not in tried


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (LlamaConfig(**SIZES), True),
        (Qwen2Config(**SIZES), True),
        (Qwen2Config(**SIZES, use_sliding_window=True, max_window_layers=2), False),
        (configuration_of("bert-base"), True),
        (configuration_of("modernbert-base"), False),
    ],
    ids=["llama", "qwen2", "qwen2 with windows", "bert", "modernbert"],
)
def test_layers_of_two_kinds_are_told_from_those_that_are_alike(config: PreTrainedConfig, *, expected: bool) -> None:
    with torch.device("meta"):
        assert are_alike(classifier(config, num_labels=2)) is expected


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [("full", True), ("freeze", True), ("freeze:last=2", True), ("checkpoint", True), ("checkpoint:every=2", False)],
)
def test_what_a_strategy_does_to_more_layers_must_be_what_it_does_to_few(strategy: str, *, expected: bool) -> None:
    views = [view_of(tiny_llama(num_layers=num)) for num in (4, 6, 9)]
    strategies = registry.strategies_of(parse_strategy(strategy))
    assert grows_in_one_place([(compose(strategies, view), view) for view in views]) is expected
