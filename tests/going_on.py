"""Runs that end in the midst, and those that go on from their checkpoints."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import torch

from bench.experiment.spec import RunSpec, parse_strategy
from bench.training.checkpoints import Checkpoints
from bench.training.schedule import schedule_of
from bench.training.trainer import train
from bench.workload.toy import tiny_llama, toy_split
from tests.applied import applied

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from transformers import PreTrainedModel

    from bench.training.parallel.group import Group
    from bench.training.trained import Trained

SPLIT = toy_split(40)
STOP = 6
MAKE = partial(tiny_llama, num_tokens=512)
ORIGIN = {"torch": "1.0", "the data": "x"}


class Killed(Exception):
    """In the place of what ends a process at any moment."""


class Process:
    """What a run does in a process of its own, with a checkpoint after every step where `every` is 0."""

    def __init__(
        self,
        text: str,
        path: Path,
        *,
        every: float = 1e9,
        origin: dict[str, str] = ORIGIN,
        make: Callable[[], PreTrainedModel] = MAKE,
        group: Group | None = None,
    ) -> None:
        torch.manual_seed(3)
        self.prepared = applied(text, make(), split=SPLIT, group=group)
        self.schedule = schedule_of(RunSpec(strategy=parse_strategy(text), batch_size=8, epochs=2), SPLIT)
        self.said: list[str] = []
        self.given: list[Any] = []
        self.checkpoints = Checkpoints(
            self.prepared,
            path,
            turns=self.schedule.turns(self.prepared.plan.phases),
            num_steps=self.schedule.num_steps,
            origin=lambda: origin,
            besides=lambda: {"curve": [1.5]},
            on_found=self.given.append,
            aside=nullcontext,
            say=self.said.append,
            every_seconds=every,
        )

    def train(self, stop: int | None = None) -> Trained:
        def on_step(done: int, _loss: float | None, _seconds: float) -> None:
            if done == stop:
                raise Killed

        torch.manual_seed(5)
        return train(
            self.prepared,
            SPLIT,
            self.schedule,
            on_step=on_step,
            on_point=lambda *_: None,
            checkpoints=self.checkpoints,
        )


def killed(text: str, path: Path, make: Callable[[], PreTrainedModel] = MAKE) -> Process:
    """A run that was ended after step 6, and so the checkpoint of step 5."""
    process = Process(text, path, every=0, make=make)
    with pytest.raises(Killed):
        process.train(stop=STOP)
    return process


def check_that_it_goes_on(text: str, path: Path, make: Callable[[], PreTrainedModel] = MAKE) -> None:
    """A run that was ended and went on has learnt, to the last bit, what one in one go learns, and counts its steps once."""
    whole = Process(text, path, make=make)
    expected = whole.train()
    killed(text, path, make=make)
    other = Process(text, path, make=make)
    found = other.train()

    assert found.losses == expected.losses
    for one, two in zip(whole.prepared.trained, other.prepared.trained, strict=True):
        assert torch.equal(one, two)
    averages = [one.prepared.averaged.values if one.prepared.averaged else [] for one in (whole, other)]
    assert all(torch.equal(one, two) for one, two in zip(*averages, strict=True))
    assert found.step_tokens == expected.step_tokens
    assert found.num_samples == expected.num_samples
    assert found.num_padded_tokens == expected.num_padded_tokens
    assert len(found.step_seconds) == len(found.step_parts) == 10
    assert other.said == ["it goes on from its checkpoint, after 5 of 10 steps"]
    assert [flag.code for flag in other.checkpoints.flags] == ["resumed-within"]
    assert other.given == [{"curve": [1.5]}]
