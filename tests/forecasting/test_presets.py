"""Forecasts of the presets against what torch's allocator gave out as they trained."""

from __future__ import annotations

import sys
from itertools import accumulate
from typing import TYPE_CHECKING

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from bench.experiment import registry
from bench.experiment.spec import WorkloadSpec, parse_strategy
from bench.forecasting.forecaster import Forecaster
from bench.forecasting.steps import NUM_STEPS, Training
from bench.measuring.torch_memory import held_by_model
from bench.plan.compose import compose
from bench.training.prepare import prepare
from bench.training.step import take_step
from bench.workload.data.dataset import load_data
from bench.workload.models.configuration import configuration_of
from bench.workload.models.layers import view_of
from bench.workload.models.load import load_model
from bench.workload.presets import rates_of

if TYPE_CHECKING:
    from collections.abc import Callable

STRATEGIES = ("full", "freeze", "freeze:last=2", "lora", "checkpoint", "amp:dtype=bf16", "pure_bf16")
MOST = 0.03
"""By which a forecast may be wrong."""


def allocated(run: Callable[[], None]) -> int:
    """The most bytes that the allocator gave out meanwhile and had not back, kernels' own included."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        run()
    assert seen.profiler is not None
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]
    return max(accumulate(event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())))


@pytest.mark.slow
@pytest.mark.assets
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("model", ["minilm-l6", "smollm2-135m"])
def test_the_peak_is_what_torch_holds(model: str, strategy: str) -> None:
    data = load_data(WorkloadSpec(model=model, train_samples=128))
    training = Training(split=data.train, pad_token_id=data.pad_token_id)
    strategies = registry.strategies_of(parse_strategy(strategy))
    expected = Forecaster(configuration_of(model), training).forecast(strategies)
    loaded = load_model(model, labels=data.label_names, seed=0)
    view = view_of(loaded.model, loaded.fresh, num_steps=training.num_steps)
    prepared = prepare(
        loaded.model,
        view,
        compose(strategies, view),
        split=data.train,
        pad_token_id=data.pad_token_id,
        rates=rates_of(model),
        device=torch.device("cpu"),
        weight_decay=0.01,
    )

    def run() -> None:
        for step in range(NUM_STEPS):
            take_step(
                prepared,
                data.train,
                training.parts,
                step=step,
                num_steps=NUM_STEPS,
                max_grad_norm=1.0,
                mark=lambda _part: None,
            )

    storages = {one.untyped_storage() for one in held_by_model(prepared.model, prepared.trained)}
    weights = sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())
    peak = weights + allocated(run)
    error = expected.memory.peak_bytes / peak - 1
    told = f"{model} {strategy}: {expected.memory.peak_bytes / 2**20:.1f} MiB, {peak / 2**20:.1f} held, {error:+.2%}"
    sys.stdout.write(f"{told}\n")
    assert abs(error) <= MOST, told
