from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from bench import anatomy
from bench.anatomy import step_parts, typical_steps
from bench.schedule import schedule_of
from bench.spec import RunSpec, parse_strategy
from bench.testing import toy_split
from bench.trainer import Schedule, Trained, train

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.prepared import Prepared

SPLIT = toy_split(40)


def schedule_for(text: str, **changes: object) -> Schedule:
    spec = RunSpec(strategy=parse_strategy(text), batch_size=8, epochs=2, **changes)  # type: ignore[arg-type]
    return schedule_of(spec, SPLIT)


def trained(prepared: Prepared, schedule: Schedule) -> Trained:
    return train(prepared, SPLIT, schedule, on_step=lambda *_: None, on_point=lambda *_: None)


@pytest.mark.parametrize("text", ["full", "freeze", "freeze+cached", "full+checkpoint", "amp:dtype=fp16"])
def test_a_step_is_taken_apart_and_the_model_stays_as_it_was(prepared: Callable[..., Prepared], text: str) -> None:
    ready, schedule = prepared(text), schedule_for(text)
    trained(ready, schedule)
    before = {name: value.clone() for name, value in ready.model.state_dict().items()}
    skipped = ready.precision.num_skipped_steps

    parts = step_parts(ready, SPLIT, schedule, step_seconds=0.125)

    assert parts is not None
    assert parts.num_steps == 3  # four fit into the budget, and the first is a warm-up
    assert min(parts.data, parts.forward, parts.backward, parts.optimizer) > 0
    assert all(torch.equal(value, before[name]) for name, value in ready.model.state_dict().items())
    assert ready.precision.num_skipped_steps == skipped


def test_every_forward_pass_of_a_step_counts(prepared: Callable[..., Prepared]) -> None:
    ready, schedule = prepared("full"), schedule_for("full", micro_batch_size=2)
    trained(ready, schedule)
    calls = 0
    plain = ready.forward.batch

    def batch(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        return plain(*arguments)  # type: ignore[arg-type]

    ready.forward.batch = batch  # type: ignore[method-assign, assignment]
    parts = step_parts(ready, SPLIT, schedule, step_seconds=2.0)

    assert parts is not None
    assert (parts.num_steps, calls) == (1, 4)


def test_a_hook_is_not_called_once_more(prepared: Callable[..., Prepared]) -> None:
    ready, schedule = prepared("freeze"), schedule_for("freeze")
    calls: list[int] = []
    ready.after_step = (lambda _model, step: calls.append(step),)
    trained(ready, schedule)
    assert calls == list(range(10))

    step_parts(ready, SPLIT, schedule, step_seconds=0.5)

    assert calls == list(range(10))


def test_a_step_that_takes_long_is_not_taken_again(prepared: Callable[..., Prepared]) -> None:
    assert step_parts(prepared("full"), SPLIT, schedule_for("full"), anatomy.MAX_STEP_SECONDS + 1) is None


def test_the_pass_never_outgrows_the_run(prepared: Callable[..., Prepared]) -> None:
    ready, schedule = prepared("freeze"), schedule_for("freeze", steps=2)
    trained(ready, schedule)

    parts = step_parts(ready, SPLIT, schedule, step_seconds=1e-6)

    assert parts is not None
    assert parts.num_steps == 2


def test_typical_steps_are_those_of_median_length() -> None:
    lengths = np.array([1, 10, 5, 6, 100])
    schedule = Schedule(epochs=[[np.array([index]) for index in range(5)]])

    assert [rows.tolist() for rows in typical_steps(lengths, schedule, 3)] == [[3], [2], [1]]


def test_on_a_gpu_each_part_ends_when_the_device_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    watch = anatomy._Stopwatch(torch.device("cuda"))

    watch.turn_to("data")
    watch.turn_to("forward")

    assert waited == [torch.device("cuda")] * 2
    assert set(watch.seconds) == {"", "data"}
