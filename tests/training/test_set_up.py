from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from bench.experiment.spec import RunSpec, parse_strategy
from bench.training.forward.packed import GRAIN
from bench.training.prepared import Prepared
from bench.training.schedule import schedule_of
from bench.training.set_up import set_up, warm_up
from bench.training.trainer import train
from bench.workload.toy import toy_split

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.training.forward.batch import Batch

    Prepare = Callable[..., Prepared]

SPLIT = toy_split(40)


def test_a_plan_without_cache_and_compiling_has_nothing_to_set_up(prepared: Prepare) -> None:
    done = set_up(prepared("full"), SPLIT, np.arange(8), [np.arange(8)])
    assert (done.cache, done.compile_seconds, done.owed_seconds) == (None, None, 0.0)


@pytest.mark.parametrize("text", ["full", "freeze:last=1+cached"])
def test_a_warm_up_runs_each_size_once_and_changes_nothing(
    prepared: Prepare, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = schedule_of(RunSpec(strategy=parse_strategy(text), batch_size=8, epochs=2), SPLIT)
    batches = list(chain.from_iterable(schedule.epochs))
    warm, cold = prepared(text), prepared(text)
    ran: list[int] = []
    logits = Prepared.logits

    def count(self: Prepared, batch: Batch) -> torch.Tensor:
        ran.append(-(-batch.num_tokens // GRAIN))
        return logits(self, batch)

    state = torch.get_rng_state()
    with monkeypatch.context() as patch:
        patch.setattr(Prepared, "logits", count)
        warm_up(warm, SPLIT, batches)
    assert sorted(ran) == sorted({-(-int(SPLIT.lengths[rows].sum()) // GRAIN) for rows in batches})
    assert torch.equal(state, torch.get_rng_state())
    assert all(param.grad is None for param in warm.model.parameters())
    assert (
        train(warm, SPLIT, schedule, on_step=lambda *_: None, on_point=lambda *_: None).losses
        == train(cold, SPLIT, schedule, on_step=lambda *_: None, on_point=lambda *_: None).losses
    )


def test_a_warm_up_ends_in_time(prepared: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:
    ready, ran = prepared("full"), []
    logits = ready.logits
    monkeypatch.setattr("bench.training.set_up.WARM_UP_SECONDS", -1.0)
    monkeypatch.setattr(Prepared, "logits", lambda _self, batch: ran.append(batch) or logits(batch))
    warm_up(ready, SPLIT, [np.arange(8)])
    assert not ran
