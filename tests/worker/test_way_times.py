from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bench.experiment.ways import WAYS
from bench.worker.way_times import NUM_TURNS, time_ways
from bench.workload.toy import tiny_llama
from tests.applied import RAGGED, applied

if TYPE_CHECKING:
    from bench.experiment.ways import Way
    from bench.workload.data.dataset import Data


class _Data:
    train, pad_token_id = RAGGED, 0


DATA: Data = _Data()  # type: ignore[assignment]  # all that is asked of it
STEPS = [np.arange(4), np.arange(4, 12)]
ON_A_CPU: tuple[Way, ...] = ("packed-spread", "rows", "padded")


@pytest.mark.parametrize(
    ("strategy", "ways"),
    [("full", ON_A_CPU), ("lora+amp:dtype=bf16", ON_A_CPU), ("freeze:last=1+cached", ON_A_CPU[:2])],
)
def test_every_way_in_which_the_model_runs_is_timed_in_turns(strategy: str, ways: tuple[Way, ...]) -> None:
    model = tiny_llama()
    prepared = applied(strategy, model)
    before = {name: param.detach().clone() for name, param in model.named_parameters()}
    found = time_ways(prepared, model, DATA, STEPS, WAYS)
    assert tuple(found) == ways
    assert all(len(turns) == NUM_TURNS and min(turns) > 0 for turns in found.values())
    assert all((param == before[name]).all() for name, param in model.named_parameters())
    assert all(param.grad is None for param in model.parameters())
    assert model.config._attn_implementation == "sdpa"


def test_nothing_is_timed_unasked() -> None:
    model = tiny_llama()
    prepared = applied("full", model)
    assert time_ways(prepared, model, DATA, STEPS, ()) == {}
    prepared.loss(prepared.batch(RAGGED, [0]))
