"""Whole runs of a tiny model: their phases, steps and peaks."""

from __future__ import annotations

from functools import partial
from statistics import fmean
from typing import TYPE_CHECKING

import pytest
import torch

from bench.measuring import host_memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.records.record import RunRecord


def test_points_of_the_curve_are_phases_of_their_own(run: Callable[..., tuple[RunRecord, list[str]]]) -> None:
    _, phases = run(evaluations=3)

    assert phases == ["fetch", "load", "train", "evaluate", "train", "evaluate", "train", "evaluate", "probe"]


@pytest.mark.parametrize("text", ["full", "freeze+cached", "full+checkpoint", "amp:dtype=fp16"])
def test_a_steady_step_is_its_parts(run: Callable[..., tuple[RunRecord, list[str]]], text: str) -> None:
    record, _ = run(text, micro_batch_size=3)

    assert record.measured is not None
    parts = record.measured.step_parts
    assert parts is not None
    assert parts.num_steps == record.measured.num_steps - 2
    seconds = (parts.data, parts.forward, parts.backward, parts.optimizer)
    assert min(seconds) > 0
    assert sum(seconds) == pytest.approx(fmean(record.measured.step_seconds[2:]))


def test_a_run_of_warm_up_steps_alone_has_no_steady_step(run: Callable[..., tuple[RunRecord, list[str]]]) -> None:
    record, _ = run(steps=2)

    assert record.measured is not None
    assert record.measured.step_parts is None


def test_the_peak_of_training_is_its_parts(run: Callable[..., tuple[RunRecord, list[str]]]) -> None:
    if host_memory.peak_bytes() is None:
        pytest.skip("this kernel keeps no high-water mark")
    record, _ = run()

    assert record.measured is not None
    memory = record.measured.memory
    assert memory.phases is not None
    assert [it.phase for it in memory.phases] == ["load", "train", "evaluate"]
    parts = memory.parts
    assert parts is not None
    assert parts.total_bytes == memory.host_peak_bytes
    assert parts.residual_bytes == 0
    assert parts.gradients_bytes == 4 * record.measured.num_trainable_params
    assert parts.weights_bytes >= 4 * record.measured.num_params
    assert parts.optimizer_bytes == pytest.approx(2 * parts.gradients_bytes, rel=0.01)
    assert memory.training_bytes == parts.total_bytes - parts.before_bytes
    assert memory.training_bytes >= parts.weights_bytes + parts.gradients_bytes + parts.optimizer_bytes


def test_skipped_steps_are_known_by_their_numbers(
    run: Callable[..., tuple[RunRecord, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss scale that overflows, falls to 1, and after two steps rises to where it overflows again."""
    high = 2.0**100
    scaler = partial(
        torch.amp.GradScaler, init_scale=high, backoff_factor=1 / high, growth_factor=high, growth_interval=2
    )
    monkeypatch.setattr(torch.amp, "GradScaler", scaler)
    record, _ = run("amp:dtype=fp16", steps=8)

    assert record.measured is not None
    assert record.measured.skipped_steps == (1, 4, 7)
    assert record.measured.num_skipped_steps == 3
