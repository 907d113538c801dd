"""One run on several GPUs, for whoever has them: `pytest -m gpu tests/gpu`, at most five minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from tests.training.parallel.ranks import Case, Outcome, ask_ranks, outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Ask = Callable[[Case], list[Outcome]]

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(300)]

TOLERANCES = {"amp": 2e-2}
"""Relative, of the losses; in fp32 1e-4, since sums of a matmul are cut by its shape."""
STRATEGIES = ["full", "freeze:last=2", "lora+checkpoint", "gradual", "freeze:last=2+cached", "accumulate:rows=3", "amp"]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two GPUs")
    with ask_ranks(device="cuda") as ask:
        yield ask


@pytest.mark.parametrize("how", ["", "+shard"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_two_gpus_train_as_one_does(ask: Ask, strategy: str, how: str) -> None:
    alone, (first, second) = outcome_of(Case(strategy), device=torch.device("cuda")), ask(Case(f"{strategy}{how}"))
    assert not first.error, first.error
    assert first.losses == pytest.approx(alone.losses, rel=TOLERANCES.get(strategy, 1e-4))
    assert first.weights == second.weights
