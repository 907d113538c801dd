"""Forecasts of the presets against what torch's allocator gave out as they trained, and what a process of a run grew by.

tox -e slow-models -- -k presets
"""

from __future__ import annotations

import gc
import sys
from itertools import accumulate
from typing import TYPE_CHECKING

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from bench.executors.fork_server import SERVER_ENVIRONMENT
from bench.experiment import registry
from bench.experiment.spec import WorkloadSpec, parse_strategy
from bench.forecasting.forecaster import Forecaster
from bench.forecasting.steps import NUM_STEPS
from bench.forecasting.training import Training
from bench.measuring.peaks import Peaks
from bench.measuring.torch_memory import held_by_model, touch
from bench.plan.compose import compose
from bench.training.prepare import prepare
from bench.training.step import take_step
from bench.workload.data.dataset import load_data
from bench.workload.models.configuration import configuration_of
from bench.workload.models.layers import view_of
from bench.workload.models.load import load_model
from bench.workload.presets import rates_of
from tests.perf.processes import open_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.training.prepared import Prepared
    from tests.perf.processes import Call

STRATEGIES = ("full", "freeze", "freeze:last=2", "lora", "checkpoint", "amp:dtype=bf16", "pure_bf16")
MOST = 0.03
"""By which a forecast of what torch holds may be wrong."""
CPU = torch.device("cpu")
MIB = 2**20


def training_on(model: str) -> tuple[Training, tuple[str, ...]]:
    data = load_data(WorkloadSpec(model=model, train_samples=128))
    return Training(split=data.train, pad_token_id=data.pad_token_id), data.label_names


def prepared_for(model: str, strategy: str, before_weights: Callable[[], None]) -> tuple[Prepared, Training]:
    training, labels = training_on(model)
    strategies = registry.strategies_of(parse_strategy(strategy))
    before_weights()
    loaded = load_model(model, labels=labels, seed=0)
    view = view_of(loaded.model, loaded.fresh, num_steps=training.num_steps)
    prepared = prepare(
        loaded.model,
        view,
        compose(strategies, view),
        split=training.split,
        pad_token_id=training.pad_token_id,
        rates=rates_of(model),
        device=CPU,
        weight_decay=training.weight_decay,
    )
    return prepared, training


def take_steps(prepared: Prepared, training: Training) -> None:
    for step in range(NUM_STEPS):
        take_step(
            prepared,
            training.split,
            training.rows,
            step=step,
            num_steps=NUM_STEPS,
            max_grad_norm=training.max_grad_norm,
            mark=lambda _part: None,
        )


def held(model: str, strategy: str) -> int:
    """The most bytes that torch's allocator gave out and had not back, kernels' own included."""
    prepared, training = prepared_for(model, strategy, lambda: None)
    gc.collect()  # what is freed later and was not made since would be taken off
    storages = {one.untyped_storage() for one in held_by_model(prepared.model, prepared.trained)}
    weights = sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        take_steps(prepared, training)
    assert seen.profiler is not None
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]
    return weights + max(accumulate(event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())))


def grown(model: str, strategy: str) -> int:
    """The most bytes by which this process grew over what it held before the weights, as a run measures it."""
    peaks = Peaks(CPU)
    prepared, training = prepared_for(model, strategy, peaks.before_weights)
    touch(prepared.model)
    peaks.enter("train")
    take_steps(prepared, training)
    return peaks.end().training_bytes or 0


@pytest.fixture
def in_a_run() -> Iterator[Call]:
    with open_process(SERVER_ENVIRONMENT) as call:
        call(grown, "minilm-l6", "freeze")  # what is imported as it is first used is no memory of training
        yield call


@pytest.mark.slow
@pytest.mark.assets
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("model", ["minilm-l6", "smollm2-135m"])
def test_the_peak_is_what_torch_holds_and_a_process_grows_by_that_and_its_heap(
    model: str, strategy: str, in_a_run: Call
) -> None:
    grew, peak = in_a_run(grown, model, strategy), in_a_run(held, model, strategy)
    training, labels = training_on(model)
    forecaster = Forecaster(configuration_of(model), training, num_labels=len(labels))
    expected = forecaster.forecast(registry.strategies_of(parse_strategy(strategy))).memory
    error, of_process = (expected.peak_bytes / measured - 1 for measured in (peak, grew))
    sizes = [f"{size / MIB:,.0f}" for size in (expected.peak_bytes, peak, grew, grew - peak)]
    told = f"| {model} | {strategy} | {sizes[0]} | {sizes[1]} | {error:+.1%} | {sizes[2]} | {of_process:+.1%} | {sizes[3]} |"
    sys.stdout.write(f"{told}\n")
    assert abs(error) <= MOST, told
    assert peak < grew, told
